import type { Server } from "skysocket";

/** What the benches measure; rooms and inboxes are named by the clients. */
export function listen(io: Server): void {
  io.on("connection", (socket) => {
    const { room, inbox } = socket.handshake.auth;
    if (room) socket.join(room);
    if (inbox) socket.openInbox(inbox);
    socket.on("echo", (value: unknown, ack) => ack(value));
    socket.on("join", (name: string) => socket.join(name));
    socket.on("broadcast", (name: string, text: string) => io.to(name).emit("message", text));
    socket.on("chat", (name: string, text: string) => socket.to(name).emit("message", text));
    socket.on("notify", (name: string, text: string) => io.inbox(name).emit("mail", text));
  });
}
