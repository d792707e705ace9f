import type { ExtendedError, Middleware } from "../declared/namespace-core.ts";
import { verdict } from "../invocation/ask-application.ts";
import type { SocketCore } from "../socket/socket-core.ts";

/**
 * Runs the namespace's middlewares in order.
 * @returns the error that one of them refused the socket with, or undefined
 */
export async function runMiddlewares(
  socket: SocketCore,
  mode: "live" | "replay",
): Promise<ExtendedError | undefined> {
  for (const [index, middleware] of socket.nsp.middlewares.entries()) {
    const error = await runOne(socket, middleware, index + 1, mode);
    if (error) return error;
  }
  return undefined;
}

async function runOne(
  socket: SocketCore,
  middleware: Middleware,
  number: number,
  mode: "live" | "replay",
): Promise<ExtendedError | undefined> {
  const found = await verdict<ExtendedError | undefined>(socket.invocation, {
    // By its number: names of functions in a bundle are minified.
    what: `middleware ${number} of the namespace`,
    details: { nsp: socket.nsp.name },
    code: (next) => middleware(socket.facade, next),
    run: (code) => socket.runAs({ mode, registering: true, middleware: true }, code),
  });
  if ("value" in found) return found.value;
  return new Error(found.none === "failed" ? "internal error" : "the server did not answer in time");
}

/**
 * Calls all connection listeners, in order.
 * @returns the promises of those that are asynchronous; they settle (never reject) when the listeners have
 */
export function callConnectionListeners(socket: SocketCore, mode: "live" | "replay"): Promise<void>[] {
  const pending: Promise<void>[] = [];
  for (const listener of socket.nsp.connectionListeners) {
    const done = socket.runAs({ mode, registering: true }, () =>
      socket.call("a connection listener", "SKY_LISTENER_FAILED", () =>
        listener.call(socket.nsp.facade, socket.facade),
      ),
    );
    if (done) pending.push(done);
  }
  return pending;
}
