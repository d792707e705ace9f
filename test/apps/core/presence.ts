import type { Namespace } from "skysocket";
import { roomNames } from "./room-names.ts";

/** Who is here, who leaves and why: what the others in a room see of a socket's life. */
export function presence(nsp: Namespace): void {
  nsp.on("connection", (socket) => {
    socket.on("who am i", (ack) => {
      ack({
        id: socket.id,
        nsp: socket.nsp.name,
        connected: socket.connected,
        disconnected: socket.disconnected,
        recovered: socket.recovered,
        rooms: roomNames(socket),
      });
    });

    socket.on("handshake", (ack) => {
      const { auth, query, headers, xdomain, issued, time, address } = socket.handshake;
      ack({
        auth,
        query,
        headers: { agent: headers["user-agent"], origin: headers.origin, cookie: headers.cookie },
        xdomain,
        types: [typeof issued, typeof time, typeof address],
      });
    });

    socket.on("echo", (...args) => {
      const ack = args.pop();
      ack(...args);
    });

    socket.on("enter", (room: string, name: string, ack) => {
      socket.data.name = name;
      socket.data.room = room;
      socket.join(room);
      ack();
    });

    socket.on("disconnecting", (reason) => {
      socket
        .to([...socket.rooms])
        .emit("leaving", socket.data.name, reason, roomNames(socket), socket.connected);
    });

    socket.on("disconnect", (reason) => {
      if (!socket.data.room) return;
      nsp.to(socket.data.room).emit("left", socket.data.name, reason, [...socket.rooms], socket.connected);
    });

    socket.on("error", (error) => {
      nsp.to(socket.data.room).except(socket.id).emit("fault", socket.data.name, error.message);
    });

    socket.on("leave me", (close: boolean) => {
      socket.disconnect(close);
      socket.emit("too late");
      nsp.to(socket.id).emit("too late");
    });

    socket.on("turn out", (room: string, close: boolean, ack) => {
      nsp.in(room).disconnectSockets(close);
      ack();
    });

    socket.on("turn others out", (room: string, ack) => {
      socket.to(room).disconnectSockets();
      ack();
    });

    socket.on("call", (room: string, text: string, ack) => {
      nsp.to(room).emit("called", text);
      ack();
    });
  });
}
