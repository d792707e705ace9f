import { setTimeout as delay } from "node:timers/promises";
import { Server } from "skysocket";

/** What clients can make dear: namespaces of their choice, a listener that takes its time, and questions to them. */
const io = new Server();

io.on("connection", (socket) => {
  socket.on("echo", (value: unknown, ack) => ack(value));
  socket.on("ask me", async (ack) => ack(await socket.emitWithAck("question")));
});

io.of(/^\/room-\d+$/).on("connection", (socket) => {
  socket.on("echo", (value: unknown, ack) => ack(value));
});

io.of("/slow").on("connection", async (socket) => {
  socket.on("echo", (value: unknown, ack) => ack(value));
  if (!socket.replayed) await delay(5_000);
});

export default io;
