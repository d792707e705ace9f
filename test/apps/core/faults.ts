import type { Server } from "skysocket";

/** Application code that fails. */
export function faults(io: Server): void {
  const nsp = io.of("/faults");

  nsp.on("connection", (socket) => {
    socket.on("enter", (room: string, ack) => {
      socket.join(room);
      ack();
    });
    socket.on("say", (room: string, text: string, ack) => {
      nsp.to(room).emit("said", text);
      ack();
    });
    socket.on("throw", () => {
      throw new Error("thrown by a handler, on purpose");
    });
    socket.on("reject", async (room: string, ack) => {
      ack("before the rejection");
      nsp.to(room).emit("said", "before the rejection");
      await Promise.resolve();
      throw new Error("rejected by a handler, on purpose");
    });
    socket.on("emit a cycle", async (ack) => {
      const cycle: Record<string, unknown> = {};
      cycle.self = cycle;
      try {
        await socket.emit("cycle", cycle);
        ack("accepted");
      } catch {
        ack("refused");
      }
    });
    socket.on("emit a BigInt", async (room: string, ack) => {
      try {
        await nsp.to(room).emit("BigInt", 1n);
        ack("accepted");
      } catch (error) {
        ack("refused", error instanceof Error && error.message.includes("BigInt"));
      }
    });
  });
}
