import type { Server, Socket } from "skysocket";
import { roomNames } from "./room-names.ts";

type Named = Socket & { username?: string; badge?: { level: number; tags: string[] } };

/** Middlewares: what they decide, in which order, and what they leave on the socket. */
export function doors(io: Server): void {
  const nsp = io.of("/doors");

  nsp.use((socket, next) => {
    socket.data.trail = [["first", socket.connected]];
    if (socket.handshake.auth.room) socket.join(socket.handshake.auth.room);
    next();
  });

  nsp.use(async (socket, next) => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    socket.data.trail.push(["second", socket.handshake.auth.name]);
    const { refuse } = socket.handshake.auth;
    if (refuse === "with data") {
      return next(Object.assign(new Error("not today"), { data: { code: 7, hints: ["come", "back"] } }));
    }
    if (refuse === "plainly") return next(new Error("never"));
    next();
  });

  nsp.use((socket: Named, next) => {
    socket.data.trail.push(["third", socket.id]);
    socket.username = socket.handshake.auth.name;
    socket.badge = { level: 3, tags: ["a"] };
    if (socket.handshake.auth.greet) socket.emit("greeting", "from a middleware");
    next();
  });

  nsp.on("connection", (socket: Named) => {
    socket.data.trail.push(["connection", socket.connected]);
    socket.on("trail", (ack) => ack(socket.data.trail, roomNames(socket)));
    socket.on("name", (ack) => ack(socket.username, socket.badge));
    socket.on("rename", (name: string, ack) => {
      socket.username = name;
      socket.badge?.tags.push(name);
      ack();
    });
    socket.on("how many", async (room: string, ack) => {
      nsp.to(room).emit("counted");
      ack((await nsp.in(room).fetchSockets()).length);
    });
  });

  // No middleware of /doors runs here.
  io.of("/no door").on("connection", (socket) => {
    socket.on("trail", (ack) => ack(socket.data.trail ?? "no trail"));
  });
}
