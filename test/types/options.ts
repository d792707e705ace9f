// Compiled, never run: the options and types of an application that moves over.
import { type DisconnectReason, type Handshake, Server, type ServerOptions } from "skysocket";
import type { ServerOptions as StockOptions, DisconnectReason as StockReason } from "socket.io";

/** An options object that is typed with Socket.IO's own type is accepted. */
export function moved(options: Partial<StockOptions>): Server {
  const ours: ServerOptions = options;
  return new Server(ours);
}

export function reasons(ours: DisconnectReason, theirs: StockReason): [StockReason, DisconnectReason] {
  return [ours, theirs];
}

/** What emits return can be awaited, and need not be. */
export async function effects(io: Server): Promise<void> {
  const sent: Promise<void> = io.emit("x");
  await sent;
  io.on("connection", async (socket) => {
    const joined: Promise<void> = socket.join("r");
    await joined;
    const handshake: Handshake = socket.handshake;
    const address: string = handshake.address;
    const transport: string = socket.conn.transport.name;
    socket.request.user = { address, transport };
  });
  io.on("connection", (socket) => {
    // @ts-expect-error read-only: the id is the client's
    socket.id = "x";
  });
}
