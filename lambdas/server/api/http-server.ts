import type { AnyFunction } from "../common/typed-events.ts";

/** What Socket.IO may be attached to; here nothing listens, API Gateway does. */
export type HttpServer = number | string | { readonly listen: AnyFunction };

/** The part of Node's servers that matters here; others may lack some of it. */
interface Listening {
  readonly listen: AnyFunction;
  listening?: boolean;
  close?(): unknown;
  on?(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/**
 * Keeps an application's HTTP server from listening, now and later: nobody reaches it inside Lambda, and in the local cloud, whose
 * instances share one machine, all but the first would end with EADDRINUSE. Whoever waits for it to listen goes on.
 * @param notice tells that it has no effect
 */
export function keepFromListening(server: HttpServer, notice: () => void): void {
  if (typeof server !== "object") return;
  const known: Listening = server;
  // It may have been made by `app.listen(3000)`, which reports a port in use only later.
  known.on?.("error", (error) => {
    if (error.code !== "EADDRINUSE") throw error;
  });
  if (known.listening) known.close?.();
  const listen = (...args: unknown[]): unknown => {
    notice();
    const listening = args.at(-1);
    if (typeof listening === "function") process.nextTick(listening);
    return server;
  };
  Object.defineProperty(server, "listen", { value: listen, configurable: true, writable: true });
}
