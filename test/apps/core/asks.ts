import type { Server } from "skysocket";
import { roomNames } from "./room-names.ts";

/** Questions to clients, and their answers. */
export function asks(io: Server): void {
  const nsp = io.of("/asks");

  nsp.on("connection", (socket) => {
    socket.on("enter", (room: string, ack) => {
      socket.join(room);
      ack();
    });

    socket.on("await", async (ack) => {
      const answer = await socket.emitWithAck("question", "how are you?");
      ack("answered", answer);
    });

    socket.on("call back", (ack) => {
      socket.emit("question", "what is new?", (...answers: unknown[]) => ack("answered", ...answers));
    });

    socket.on("await within", async (ms: number, ack) => {
      try {
        ack("answered", await socket.timeout(ms).emitWithAck("question", "still there?"));
      } catch (error) {
        ack("failed", messageOf(error));
      }
    });

    socket.on("call back within", (ms: number, ack) => {
      socket.timeout(ms).emit("question", "still there?", (error: Error | null, answer: unknown) => {
        ack(error ? messageOf(error) : null, answer);
      });
    });

    socket.on("two at once", async (ack) => {
      ack(await Promise.all([socket.emitWithAck("question", "one"), socket.emitWithAck("question", "two")]));
    });

    socket.on("poll", (room: string, ms: number, ack) => {
      nsp
        .to(room)
        .timeout(ms)
        .emit("question", "everyone?", (error: Error | null, answers: string[]) => {
          ack(error ? messageOf(error) : null, answers.sort());
        });
    });

    socket.on("poll others", async (room: string, ms: number, ack) => {
      try {
        const answers: string[] = await socket.to(room).timeout(ms).emitWithAck("question", "you others?");
        ack("answered", answers.sort());
      } catch (error) {
        const some = error instanceof Error && "responses" in error ? error.responses : undefined;
        ack("failed", messageOf(error), some);
      }
    });

    socket.on("ask one", async (id: string, ack) => {
      const [remote] = await nsp.in(id).fetchSockets();
      ack(await remote?.timeout(10_000).emitWithAck("question", "just you?"));
    });
  });

  io.of("/asks at the door").on("connection", async (socket) => {
    socket.on("rooms", (ack) => ack(roomNames(socket)));
    const room = await socket.emitWithAck("which room?");
    await socket.join(room);
    socket.on("registered late", (ack) => ack(room));
    socket.emit("placed", room);
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "no Error";
}
