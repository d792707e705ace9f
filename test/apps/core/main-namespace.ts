import type { Server, Socket } from "skysocket";

/** What the server object itself offers: it stands for the main namespace. */
export function mainNamespace(io: Server): void {
  io.use((socket, next) => {
    if (socket.handshake.auth.refuse === "main") return next(new Error("main is closed"));
    next();
  });

  // Another name of the event "connection".
  io.on("connect", (socket) => {
    socket.on("registered by connect", (ack) => ack(socket.id));
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
    broadcasts(io, socket);
    socket.on("same namespace", (ack) => ack(io.of("/") === socket.nsp, io.sockets === socket.nsp));
  });
}

/** The server's members that are seldom used without a room. */
function broadcasts(io: Server, socket: Socket): void {
  socket.on("io by all ways", (room: string, ack) => {
    io.local.to(room).emit("announced", "local");
    io.compress(false).to(room).emit("announced", "not compressed");
    io.to(room).compress(true).local.emit("announced", "both");
    socket.local.to(room).emit("announced", "to the others, local");
    ack();
  });
  // By themselves: stock drops a volatile event where another one is still being written.
  socket.on("io.volatile", (room: string) => {
    io.volatile.to(room).emit("announced", "volatile");
  });
  socket.on("operator.volatile", (room: string) => {
    io.to(room).volatile.emit("announced", "volatile too");
  });
  socket.on("io.write", (text: string, ack) => {
    io.write(text);
    ack();
  });
  socket.on("io.timeout", async (room: string, ms: number, ack) => {
    const answers: unknown[] = await io.timeout(ms).in(room).emitWithAck("question");
    ack(answers.sort());
  });
  socket.on("io.allSockets", async (ack) => {
    const ids = await io.allSockets();
    ack(ids.has(socket.id), ids instanceof Set);
  });
  socket.on("io.fetchSockets", async (ack) => {
    const sockets = await io.fetchSockets();
    ack(sockets.filter((one) => one.id === socket.id).map((one) => one.data.name));
  });
  socket.on("io for everyone", async (room: string, ack) => {
    io.socketsJoin(room);
    const joined = await io.in(room).fetchSockets();
    io.socketsLeave(room);
    const left = await io.in(room).fetchSockets();
    ack(
      joined.some((one) => one.id === socket.id),
      left.length,
    );
  });
  socket.on("io.disconnectSockets", () => {
    io.disconnectSockets();
  });
}
