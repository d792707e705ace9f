import { describeError } from "./errors.ts";
import type { ExtendedError, Middleware } from "./namespace-core.ts";
import type { SocketCore } from "./socket-core.ts";

/** A middleware has to answer this long before its invocation ends, in milliseconds: the client must be told. */
const ANSWER_RESERVE_MS = 2_000;

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
  const { clock, log } = socket.invocation.ports;
  const answered = new AbortController();
  const answer = new Promise<ExtendedError | undefined>((resolve) => {
    const failed = (error: unknown): void => {
      log.error("SKY_LISTENER_FAILED", "a middleware failed", {
        nsp: socket.nsp.name,
        error: describeError(error),
      });
      resolve(new Error("internal error"));
    };
    socket.runAs({ mode, registering: true, middleware: true }, () => {
      try {
        Promise.resolve(middleware(socket.facade, resolve)).catch(failed);
      } catch (error) {
        failed(error);
      }
    });
  });
  const patience = socket.invocation.deadline - ANSWER_RESERVE_MS - clock.now();
  const silent = clock.sleep(Math.max(0, patience), answered.signal).then((): ExtendedError | undefined => {
    if (answered.signal.aborted) return undefined;
    // By its number: names of functions in a bundle are minified.
    const what = `middleware ${number} of the namespace did not call next() within ${patience} ms`;
    log.error("SKY_MIDDLEWARE_SILENT", what, { nsp: socket.nsp.name });
    return new Error("the server did not answer in time");
  });
  const error = await Promise.race([answer, silent]);
  answered.abort();
  return error;
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
