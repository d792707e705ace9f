import type { Server } from "skysocket";
import { roomNames } from "./room-names.ts";

/** What one handler does arrives in the order in which it does it. */
export function order(io: Server): void {
  const nsp = io.of("/order");

  nsp.on("connection", (socket) => {
    socket.on("enter", (room: string, ack) => {
      socket.join(room);
      ack();
    });

    socket.on("around the ack", (ack) => {
      socket.emit("before");
      ack();
      socket.emit("after");
    });

    socket.on("count", (to: number, ack) => {
      for (let n = 1; n <= to; n++) socket.emit("n", n);
      ack("counted");
      socket.emit("n", "end");
    });

    socket.on("in and out", (room: string, ack) => {
      nsp.to(room).emit("before join");
      socket.join(room);
      nsp.to(room).emit("joined");
      socket.leave(room);
      nsp.to(room).emit("left");
      socket.join(room);
      nsp.to(room).emit("joined again");
      ack([...socket.rooms].length);
    });

    socket.on("mixed", (room: string, ack) => {
      socket.emit("step", "own 1");
      nsp.to(room).emit("step", "room 1");
      socket.to(room).emit("step", "others 1");
      socket.emit("step", "own 2");
      nsp.to(room).emit("step", "room 2");
      ack();
      socket.emit("step", "own 3");
    });

    socket.on("with pauses", async (room: string, ack) => {
      socket.emit("step", 1);
      await Promise.resolve();
      nsp.to(room).emit("step", 2);
      await new Promise((resolve) => setTimeout(resolve, 5));
      socket.emit("step", 3);
      const there = await nsp.in(room).fetchSockets();
      nsp.to(room).emit("step", 4, there.length);
      ack();
      await socket.emit("step", 5);
    });

    socket.on("on the next tick", () => {
      process.nextTick(() => socket.emit("step", "next tick"));
    });

    socket.on("after the handler", (ack) => {
      setTimeout(() => socket.emit("from a timer"), 5);
      Promise.resolve()
        .then(() => new Promise((resolve) => setImmediate(resolve)))
        .then(() => ack("from a floating promise"));
    });
  });

  io.of("/welcome").on("connection", (socket) => {
    socket.emit("welcome", 1);
    socket.join("hall");
    socket.emit("welcome", 2, [...socket.rooms].length);
    io.of("/welcome").to(socket.id).emit("welcome", 3);
    socket.on("rooms", (ack) => ack(roomNames(socket)));
  });
}
