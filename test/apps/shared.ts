import { randomUUID } from "node:crypto";
import { Server } from "skysocket";

/** Names, seats and a board in variables of the module that all instances share. */
const io = new Server();
const instance = randomUUID();
const users = io.shared("users", [] as { readonly id: string; readonly name: string }[]);
const seats = io.shared("seats", new Set<string>());
const board = io.shared("board", { strokes: [] as number[], since: new Date(0) });
const SEATS = 6;

io.on("connection", (socket) => {
  socket.on("name", (name: string, ack: (got: boolean, instance: string) => void) => {
    const isTaken = users.some((user) => user.name === name);
    if (!isTaken) users.push({ id: socket.id, name });
    ack(!isTaken, instance);
  });
  socket.on("seat", (ack: (got: boolean, instance: string) => void) => {
    const isFull = seats.size >= SEATS;
    if (!isFull) seats.add(socket.id);
    ack(!isFull, instance);
  });
  socket.on("draw", async (stroke: number, ack: (count: number) => void) => {
    const { length } = board.strokes;
    await new Promise((resolve) => setTimeout(resolve, 1));
    board.strokes[length] = stroke;
    board.since = new Date(stroke);
    ack(board.strokes.length);
  });
  socket.on("ask", async (ack: (sure: unknown) => void) => ack(await socket.emitWithAck("sure?")));
  socket.on("content", (ack: (...content: unknown[]) => void) =>
    ack(
      users.map(({ name }) => name),
      seats.size,
      board.strokes,
      board.since instanceof Date,
    ),
  );
  socket.on("disconnect", () => {
    const at = users.findIndex(({ id }) => id === socket.id);
    if (at !== -1) users.splice(at, 1);
    seats.delete(socket.id);
    io.emit("left", users.length, seats.size);
  });
});

export default io;
