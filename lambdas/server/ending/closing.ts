import { coreOf, replay } from "../application/replay.ts";
import type { NamespaceServer } from "../declared/namespace-core.ts";
import { withShared } from "../declared/with-shared.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { ConnectionRecord, DisconnectReason, SocketRecord } from "../ports/sockets.ts";
import { type SocketCore, socketsOf } from "../socket/socket-core.ts";
import { traceHas, traceIsFull } from "../socket/trace.ts";

/** How `socket.conn.on("close")` appears among what a connection listener did. */
export const CLOSE_OPERATION = "conn.on";

/** Engine.IO's words for ends that Socket.IO has its own for. */
const ENGINE_REASONS: Partial<Record<DisconnectReason, string>> = {
  "server namespace disconnect": "forced close",
  "forced server close": "forced close",
  "server shutting down": "forced close",
  "client namespace disconnect": "transport close",
};

/**
 * The end of a connection for `socket.conn.on("close")`: after the `disconnect` of all its sockets, also for sockets that had
 * left their namespace before. Whoever said `bye` first calls this: the listeners run at most once. Those of a socket that was
 * still connecting, which is not among `rows`, are called by whoever ends it (ending.ts).
 */
export async function reportClose(
  server: NamespaceServer,
  invocation: Invocation,
  connection: ConnectionRecord,
  rows: readonly SocketRecord[],
  reason: DisconnectReason,
): Promise<void> {
  for (const row of rows) {
    const here = socketsOf(invocation).some(
      ({ id, key, life }) => life.ready && id === row.id && key.connectionId === row.connectionId,
    );
    const nsp = here || mayListen(row) ? server.declared(row) : undefined;
    if (!nsp) continue;
    const socket = coreOf(invocation, nsp, { connection, socket: row });
    await withShared(invocation, nsp, "a listener of a connection's end", async () => {
      if (!socket.life.ready) await replay(socket);
      callCloseListeners(socket, reason);
    });
  }
}

/** Those of a socket that has its listeners here. */
export function callCloseListeners(socket: SocketCore, reason: DisconnectReason): void {
  const what = 'the listener of the connection\'s "close"';
  socket.life.mute();
  socket.close();
  socket.client.state = "closed";
  for (const listener of socket.listeners.connectionClose) {
    const done = socket.runAs({ mode: "live" }, () =>
      socket.call(what, "SKY_HANDLER_FAILED", () =>
        listener.call(socket.facade.conn, ENGINE_REASONS[reason] ?? reason),
      ),
    );
    if (done) void socket.invocation.track(what, done);
  }
}

/**
 * A socket that has ended is not rebuilt for nothing: its row tells whether it had such a listener, if its connection listeners
 * had settled by then (`running` is removed with that).
 */
const mayListen = ({ running, trace, rerunMiddlewares }: SocketRecord): boolean =>
  running !== undefined ||
  rerunMiddlewares ||
  traceHas(trace, CLOSE_OPERATION, "close") ||
  traceIsFull(trace);
