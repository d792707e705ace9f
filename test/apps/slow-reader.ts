import { Server } from "skysocket";

const io = new Server();

io.on("connection", (socket) => {
  socket.join("room");
  socket.on("ready?", (ack) => ack());
  socket.on("enough for a post", async (text: string, ack) => {
    await io.to("room").emit("data", text.repeat(100_000));
    ack();
  });
  socket.on("disconnect", (reason) => {
    io.to("room").emit("left", socket.id, reason);
  });
});

export default io;
