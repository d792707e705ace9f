import type { Server } from "skysocket";

/** What clients do to get through: asking again, coming back, giving another answer at the door. */
export function clients(io: Server): void {
  const nsp = io.of("/clients");

  nsp.use((socket, next) => {
    const { key } = socket.handshake.auth;
    if (key === undefined || key === "right") return next();
    next(Object.assign(new Error("wrong key"), { data: { tried: key } }));
  });

  nsp.on("connection", (socket) => {
    socket.on("auth", (ack) => ack(socket.handshake.auth));

    socket.on("watch", (room: string, ack) => {
      socket.join(room);
      ack();
    });
    // Told to whoever watches: the client itself may be away by then.
    socket.on("report", (room: string, what: unknown, ack) => {
      nsp.to(room).emit("reported", what);
      ack?.();
    });
    socket.on("report, without an answer", (room: string, what: unknown) => {
      nsp.to(room).emit("reported", what);
    });

    socket.on("answer the second time", (ack) => {
      socket.data.asked = (socket.data.asked ?? 0) + 1;
      socket.emit("asked", socket.data.asked);
      if (socket.data.asked > 1) ack("at last");
    });
    socket.on("never answer", () => {});

    socket.on("log", (entry: unknown, ack) => {
      socket.data.log = [...(socket.data.log ?? []), entry];
      ack?.("logged");
    });
    socket.on("what is logged", (ack) => ack(socket.data.log ?? []));

    socket.on("turn me out", () => {
      socket.disconnect();
    });
  });
}
