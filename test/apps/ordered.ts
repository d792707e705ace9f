import { Server } from "skysocket";

/** What a client's events are promised where they come in order (test/integration/ordered.test.ts). */
const io = new Server();

io.on("connection", (socket) => {
  socket.on("count", async (n: number) => {
    const seen = socket.data.count ?? 0;
    if (n % 3 === 0) await new Promise((resolve) => setTimeout(resolve, n % 7));
    socket.data.count = seen + 1;
    socket.emit("counted", n, socket.data.count);
  });
  socket.on("step", async (n: number, ack) => {
    socket.emit("stepped", n);
    ack();
  });
  socket.on("join", (room: string) => socket.join(room));
  socket.on("enter", async (room: string, ack) => {
    await socket.join(room);
    ack();
  });
  /** As a handler that uses up the memory does. */
  socket.on("die", () => process.exit(1));
  socket.on("say", (room: string, text: string) => {
    io.to(room).emit("said", text);
  });
  socket.on("put", (n: number, a: Buffer, b: Buffer, c: Buffer, ack) => {
    ack(n, [a, b, c].map((part) => part.toString()).join());
  });
  socket.on("ask", async (ack) => ack(await socket.emitWithAck("question")));
  socket.on("slow", async (ms: number, ack) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    ack();
  });
  socket.on("log me", (name: string) => {
    socket.data.name = name;
  });
  socket.on("last words", async (text: string) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    io.to("log").emit("heard", socket.data.name, text);
  });
  socket.on("disconnect", (reason) => {
    io.to("log").emit("heard", socket.data.name, reason);
  });
});

io.of("/other").on("connection", (socket) => {
  socket.on("count", (n: number) => socket.emit("counted", n));
});

export default io;
