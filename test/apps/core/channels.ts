import type { Server } from "skysocket";

export const CHANNELS = ["/chat", "/news", "/deep/er/name", "/grüße & 你好", "plain"];

/** Several namespaces with the same events, which must not hear each other. */
export function channels(io: Server): void {
  for (const name of CHANNELS) {
    const nsp = io.of(name);
    nsp.on("connection", (socket) => {
      socket.on("where", (ack) => ack(nsp.name, socket.nsp.name, socket.id));
      socket.on("join", (room: string, ack) => {
        socket.join(room);
        ack();
      });
      socket.on("tell", (room: string, text: string, ack) => {
        nsp.to(room).emit("told", nsp.name, text);
        ack();
      });
      socket.on("tell there", (other: string, room: string, text: string, ack) => {
        io.of(other).to(room).emit("told", `${other} from ${nsp.name}`, text);
        ack();
      });
      socket.on("leave", (close: boolean) => socket.disconnect(close));
      socket.on("disconnect", (reason) => {
        io.of("/news").to(socket.data.observer).emit("ended", nsp.name, reason);
      });
      socket.on("observe", (room: string, ack) => {
        socket.data.observer = room;
        ack();
      });
    });
  }
}
