import { Server } from "skysocket";

/**
 * Handlers of one socket that run at the same time: each asks the client first, and so stands still in the middle until the
 * client, which is the test, lets it go on.
 */
const io = new Server();

io.on("connection", (socket) => {
  socket.on("put", async (name: string, key: string, value: unknown, ack) => {
    await socket.emitWithAck("go on?", name);
    socket.data[key] = value;
    ack();
  });
  socket.on("move", async (name: string, way: "join" | "leave", room: string, ack) => {
    await socket.emitWithAck("go on?", name);
    if (way === "join") await socket.join(room);
    else await socket.leave(room);
    ack();
  });
  socket.on("state", (ack) =>
    ack(socket.data, [...socket.rooms].filter((room) => room !== socket.id).sort()),
  );
  socket.on("who is in", async (room: string, ack) => {
    const sockets = await io.in(room).fetchSockets();
    ack(sockets.length);
  });
});

export default io;
