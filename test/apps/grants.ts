import { Server } from "skysocket";

/** The shortest application that needs every right of the function it runs in; beside each handler, which ones. */
const io = new Server({ fanOutThreshold: 1 });

io.on("connection", (socket) => {
  // UpdateItem, PutItem, and a GetItem to see whether the socket is still open.
  socket.on("enter", async (room: string, ack) => {
    await socket.join(room);
    ack("entered");
  });
  // Query for the members, BatchGetItem for their sockets.
  socket.on("count", async (room: string, ack) => {
    const sockets = await io.in(room).fetchSockets();
    ack(sockets.length);
  });
  // DeleteItem.
  socket.on("go", async (room: string, ack) => {
    await socket.leave(room);
    ack("gone");
  });
  // Workers: too many for the event, too large for their tasks, and some of them gone.
  socket.on("shout", () => {
    io.emit("large", ...Array.from({ length: 3 }, () => Buffer.alloc(90_000)));
  });
  socket.on("disconnect", () => {
    io.to("watch").emit("left");
  });
  // DELETE at the gateway.
  socket.on("hang up", () => {
    socket.disconnect(true);
  });
});

export default io;
