import { randomUUID } from "node:crypto";
import type { Server, ServerOptions } from "skysocket";

/** Who may connect at all: decided before Socket.IO begins, by what the query asks for. */
export const engineOptions = {
  allowRequest(request, decide) {
    const { allow } = (request as unknown as { _query: Record<string, string> })._query;
    // Later, as one that asks a database.
    setImmediate(() => decide(allow === "no" ? "you asked for it" : null, allow !== "no"));
  },
  cors: { origin: ["https://example.org", /\.example\.com$/] },
} satisfies ServerOptions;

export function engine(io: Server): void {
  const nsp = io.of("/engine");

  io.engine.use(
    (
      request: { _query: Record<string, string>; mark?: string },
      _response: unknown,
      next: (error?: Error) => void,
    ) => {
      const { mark, refuse } = request._query;
      if (mark) request.mark = `marked ${mark}`;
      next(refuse === "engine" ? new Error("refused by a middleware") : undefined);
    },
  );

  io.engine.generateId = (request) => {
    const { id } = (request as unknown as { _query: Record<string, string> })._query;
    return id ?? randomUUID();
  };

  io.engine.on("connection_error", ({ req, code, message, context }) => {
    const { watchers } = req._query;
    if (watchers) nsp.to(watchers).emit("refused", code, message, context);
  });

  nsp.on("connection", (socket) => {
    socket.on("watch", (room: string, ack) => {
      socket.join(room);
      ack();
    });
    socket.on("request", (ack) => {
      const { mark } = socket.request as { mark?: string };
      ack({
        mark,
        id: (socket.conn as unknown as { id: string }).id,
        upgrades: io.engine.upgrades("websocket"),
      });
    });
    socket.on("whole handshake", (ack) => {
      const { address, issued, secure, time, url, xdomain, ...rest } = socket.handshake;
      const request = new URL(url, "http://host");
      ack({
        address: address.replace("::ffff:", ""),
        secure,
        xdomain,
        sameTime: new Date(time).getTime() === Math.floor(issued / 1_000) * 1_000,
        now: Math.abs(Date.now() - issued) < 60_000,
        url: [request.pathname, [...request.searchParams].sort()],
        rest: Object.keys(rest).sort(),
      });
    });
    socket.on("whole request", (ack) => {
      const { conn, request } = socket;
      ack({
        version: [request.httpVersion, request.httpVersionMajor, request.httpVersionMinor],
        method: request.method,
        path: new URL(request.url ?? "", "http://host").pathname,
        addresses: [request.socket.remoteAddress, request.connection.remoteAddress, conn.remoteAddress].map(
          (one) => String(one).replace("::ffff:", ""),
        ),
        upgrade: [conn.upgraded, conn.upgrading],
        agent: request.headers["user-agent"],
      });
    });
  });
}
