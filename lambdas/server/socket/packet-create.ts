import type { SocketCore } from "./socket-core.ts";

/**
 * Tells the listeners of `socket.conn.on("packetCreate")`, in Engine.IO's words, what the running event sends to their client. What
 * other events send goes out where there is no object of this connection.
 */
export function notePackets(socket: SocketCore, frames: readonly string[], compress = true): void {
  for (const frame of frames) {
    for (const listener of [...socket.listeners.packetCreate]) {
      listener({ type: "message", data: dataOf(frame), options: { compress } });
    }
  }
}

/** Each attachment is a packet of its own, whose data are bytes. */
const dataOf = (frame: string): string | Buffer =>
  frame.startsWith("b") ? Buffer.from(frame.slice(1), "base64") : frame.slice(1);
