import { Server } from "skysocket";

/** Whatever clients call their events, rooms and namespaces. */
const io = new Server();

io.on("connection", (socket) => {
  socket.on("join", async (room: string, ack) => {
    await socket.join(room);
    ack([...socket.rooms].includes(room));
  });
  socket.on("leave", async (room: string, ack) => {
    await socket.leave(room);
    ack();
  });
  socket.on("tell", async (room: string, ack) => {
    await io.to(room).emit("told", room);
    ack();
  });
  socket.on("tell all", () => io.emit("told all"));
});

io.of("/events").on("connection", (socket) => {
  socket.onAny((name, ack) => {
    socket.emit(name, "back");
    if (typeof ack === "function") ack(name);
  });
});

// Not those above: they are declared, and found first.
io.of(/^\/./s).on("connection", (socket) => {
  socket.on("where", (ack: (name: string) => void) => ack(socket.nsp.name));
});

export default io;
