import { Server } from "skysocket";

/** Rooms of more than six are large here. */
const io = new Server({ fanOutThreshold: 6, connectionStateRecovery: {} });

io.on("connection", (socket) => {
  socket.on("enter", async (rooms: string[], ack) => {
    await socket.join(rooms);
    ack();
  });
  socket.on("leave", async (room: string, ack) => {
    await socket.leave(room);
    ack();
  });
  socket.on("shout", async (to: { rooms: string[]; except: string[] }, texts: string[], ack) => {
    const sent = texts.map((text) => io.to(to.rooms).except(to.except).emit("shouted", text));
    await Promise.all(sent);
    ack();
  });
  socket.on("shout to all", async (text: string, ack) => {
    await socket.broadcast.emit("shouted", text);
    ack();
  });
});

export default io;
