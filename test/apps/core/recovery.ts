import type { Server, Socket } from "skysocket";

/** Namespaces of the recovery scenarios. */
export const RECOVERY_NAMESPACES = ["/", "/other"] as const;

/** Clients that are cut off and come back, and others that emit meanwhile. */
export function recovery(io: Server): void {
  for (const name of RECOVERY_NAMESPACES) {
    const nsp = io.of(name);
    nsp.use((socket, next) => {
      if (socket.handshake.auth.refuse) return next(new Error("not today"));
      socket.data.passed = (socket.data.passed ?? 0) + 1;
      next();
    });
    nsp.on("connection", (socket) => {
      socket.on("ready?", (ack) => ack());
      itself(socket);
      toOthers(io, name, socket);
      socket.on("disconnect", (reason) => {
        // A watcher is told that the server has noticed, since it cannot be restored before.
        if (socket.data.watchers) nsp.to(socket.data.watchers).emit("left", reason);
      });
    });
  }
}

function itself(socket: Socket): void {
  socket.on("about", (ack) => {
    const { recovered, id, data } = socket;
    ack({ recovered, id, data, rooms: [...socket.rooms].filter((room) => room !== id).sort() });
  });
  socket.on("enter", (room: string, ack) => {
    socket.join(room);
    ack();
  });
  socket.on("leave", (room: string, ack) => {
    socket.leave(room);
    ack();
  });
  socket.on("watched by", (room: string, ack) => {
    socket.data.watchers = room;
    ack();
  });
  socket.on("greet me", async (ack) => {
    await socket.emit("hello", "to yourself");
    ack();
  });
  socket.on("end me", () => {
    socket.disconnect();
  });
}

function toOthers(io: Server, name: string, socket: Socket): void {
  const nsp = io.of(name);
  // The answers say that all is over, with us also the notes in the log; stock has nothing to wait for.
  socket.on("tell", async (to: { rooms?: string[]; except?: string[] }, texts: string[], ack) => {
    const target = nsp.to(to.rooms ?? []).except(to.except ?? []);
    await Promise.all(texts.map((text) => target.emit("told", text)));
    ack();
  });
  socket.on("tell others", async (to: { rooms?: string[] }, text: string, ack) => {
    await socket.to(to.rooms ?? []).emit("told", text);
    ack();
  });
  socket.on("whisper", (room: string, text: string, ack) => {
    nsp.to(room).volatile.emit("whispered", text);
    ack();
  });
}
