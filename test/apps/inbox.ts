import { Server } from "skysocket";

/** Clients say in `auth` which inbox is theirs; an application would know it from what a middleware has checked. */
const io = new Server();

io.on("connection", (socket) => {
  const { inbox, window } = socket.handshake.auth;
  if (inbox) socket.openInbox(inbox, window ? { window } : {});
  socket.on("put", async (name: string, values: unknown[], ack) => {
    for (const value of values) await io.inbox(name).emit("mail", value);
    ack();
  });
  /** The instance ends as soon as the event is stored, and sends it to nobody. */
  socket.on("put and die", async (name: string, value: unknown) => {
    await io.inbox(name).emit("mail", value);
    process.exit(1);
  });
});

export default io;
