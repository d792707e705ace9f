import { setTimeout as wait } from "node:timers/promises";
import type { Server } from "skysocket";

const TICKS = 50;

/** What becomes of events for clients that are busy, or gone. */
export function busy(io: Server): void {
  const nsp = io.of("/busy");

  nsp.on("connection", (socket) => {
    const { hall } = socket.handshake.auth;
    if (hall !== undefined) {
      // The client itself is being connected: what may be lost is lost for it, and reaches the others.
      socket.volatile.emit("came", "to itself");
      socket.join(hall);
      nsp.to(hall).volatile.emit("came", "to all");
      nsp.to(hall).emit("welcome");
    }

    socket.on("enter", (room: string, ack) => {
      socket.join(room);
      ack();
    });

    socket.on("tick", (kind: string, room: string) => {
      const target = { socket, room: nsp.to(room), others: socket.to(room), all: nsp }[kind] ?? socket;
      for (let tick = 1; tick <= TICKS; tick++) target.volatile.emit("tick", kind, tick);
      nsp.to(room).emit("over", kind);
    });
    socket.on("tick behind", (room: string) => {
      socket.emit("before");
      socket.volatile.emit("tick", "to itself");
      nsp.to(room).volatile.emit("tick", "to all");
      nsp.to(room).emit("over");
    });
    socket.on("tick behind an answer", (ack) => {
      ack("the answer");
      socket.volatile.emit("tick");
      socket.emit("over");
    });
    socket.on("tick, and then more", () => {
      socket.volatile.emit("tick", Buffer.from([1, 2]), "with", { an: Buffer.from([3]) });
      socket.emit("over");
    });

    socket.on("stream", async (start: string, hall: string, ack) => {
      ack();
      while ((await nsp.in(start).fetchSockets()).length === 0) await wait(25);
      for (let token = 0; socket.connected && token < 100; token++) {
        await socket.emit("token", token);
        await wait(25);
      }
      nsp.to(hall).emit("stopped", socket.connected, socket.disconnected, socket.rooms.size);
    });
  });
}
