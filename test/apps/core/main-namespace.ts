import type { Server } from "skysocket";

/** What the server object itself offers: it stands for the main namespace. */
export function mainNamespace(io: Server): void {
  io.use((socket, next) => {
    if (socket.handshake.auth.refuse === "main") return next(new Error("main is closed"));
    next();
  });

  io.on("connection", (socket) => {
    socket.on("io.emit", (text: string, ack) => {
      io.emit("announced", text);
      ack();
    });
    socket.on("io.to", (room: string, text: string, ack) => {
      io.to(room).emit("announced", text);
      ack();
    });
    socket.on("io.in.except", (room: string, not: string, text: string, ack) => {
      io.in(room).except(not).emit("announced", text);
      ack();
    });
    socket.on("io.except", (room: string, text: string, ack) => {
      io.except(room).emit("announced", text);
      ack();
    });
    socket.on("io.send", (text: string, ack) => {
      io.send(text);
      ack();
    });
    socket.on("io.move", async (room: string, to: string, ack) => {
      io.in(room).socketsJoin(to);
      const sockets = await io.in(to).fetchSockets();
      ack(sockets.map((one) => one.data.name).sort());
    });
    socket.on("same namespace", (ack) => ack(io.of("/") === socket.nsp, io.sockets === socket.nsp));
  });
}
