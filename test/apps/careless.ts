import { Server } from "skysocket";

/** Application code with every mistake that an application should survive, and handlers to see that it did. */
const io = new Server();

// As error reporters do: theirs are called too.
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.on(event, (error: Error) => console.log(`reported: ${error.message}`));
}

const names = (n: number): string[] => Array.from({ length: n }, (_, i) => `room ${i}`);
const cycle = (): object => {
  const value: Record<string, unknown> = { name: "cycle" };
  value.self = value;
  return value;
};

io.on("connection", (socket) => {
  socket.on("echo", (value: unknown, ack) => ack(value));
  socket.on("tell everybody", (text: string) => io.emit("told", text));
  socket.on("how many rooms", (ack) => ack(socket.rooms.size));
  socket.on("what is kept", (ack) => ack(Object.keys(socket.data).sort()));

  socket.on("join and await", async (n: number, ack) => {
    try {
      await socket.join(names(n));
      ack("joined");
    } catch (error) {
      ack("refused", error instanceof Error ? error.message : String(error));
    }
  });
  socket.on("join and forget", (n: number, ack) => {
    socket.join(names(n));
    ack("went on");
  });

  socket.on("keep a cycle", (ack) => {
    socket.data.cycle = cycle();
    socket.data.besideTheCycle = 1;
    ack();
  });
  socket.on("keep a BigInt", (ack) => {
    socket.data.big = 10n;
    socket.data.besideTheBigInt = 1;
    ack();
  });

  socket.on("throw", () => {
    throw new Error("thrown by a handler");
  });
  socket.on("reject", async () => {
    await Promise.resolve();
    throw new Error("rejected by a handler");
  });
  socket.on("throw later", () => {
    setTimeout(() => {
      throw new Error("thrown in a timer");
    }, 5);
  });
  socket.on("reject unseen", () => {
    void Promise.reject(new Error("rejected, and nobody looks"));
  });
  socket.on("answer with a BigInt", (ack) => ack(1n));
  socket.on("emit a cycle", () => socket.emit("cycle", cycle()));
  socket.on("emit too much", () => socket.emit("much", "x".repeat(200 * 1024)));
});

io.of("/middleware-throws").use(() => {
  throw new Error("thrown by a middleware");
});

io.of("/middleware-rejects").use(async () => {
  await Promise.resolve();
  throw new Error("rejected by a middleware");
});

io.of("/listener-throws").on("connection", (socket) => {
  socket.on("echo", (value: unknown, ack) => ack(value));
  throw new Error("thrown by a connection listener");
});

io.of("/packet-middleware").on("connection", (socket) => {
  socket.use(([event], next) => {
    if (event === "swallowed") return;
    if (event === "thrown at") throw new Error("thrown by a packet middleware");
    next();
  });
  socket.on("echo", (value: unknown, ack) => ack(value));
});

io.of("/disconnect-throws").on("connection", (socket) => {
  socket.on("disconnect", () => {
    throw new Error("thrown by a disconnect listener");
  });
});

export default io;
