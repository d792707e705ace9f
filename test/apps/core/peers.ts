import type { Server } from "skysocket";
import { roomNames } from "./room-names.ts";

/** Looking at other sockets and moving them. */
export function peers(io: Server): void {
  const nsp = io.of("/peers");

  nsp.on("connection", (socket) => {
    socket.on("enter", (room: string | string[], name: string, ack) => {
      socket.data.name = name;
      socket.join(room);
      ack();
    });

    socket.on("list", async (room: string, ack) => {
      const sockets = await nsp.in(room).fetchSockets();
      const list = sockets.map((one) => ({
        id: one.id,
        rooms: roomNames(one),
        data: one.data,
        auth: one.handshake.auth,
      }));
      ack(list.sort((a, b) => a.data.name.localeCompare(b.data.name)));
    });
    socket.on("names", async (room: string, not: string[], ack) => {
      const sockets = await nsp.in(room).except(not).fetchSockets();
      ack(sockets.map((one) => one.data.name).sort());
    });
    socket.on("names in order", async (room: string, ack) => {
      const sockets = await nsp.in(room).fetchSockets();
      const ids = [...(await nsp.in(room).allSockets())];
      ack(
        sockets.map((one) => one.data.name),
        ids.map((id) => sockets.find((one) => one.id === id)?.data.name),
      );
    });
    socket.on("others", async (room: string, ack) => {
      const sockets = await socket.in(room).fetchSockets();
      ack(sockets.map((one) => one.data.name).sort());
    });
    socket.on("join and list", async (room: string, ack) => {
      socket.join(room);
      const sockets = await nsp.in(room).fetchSockets();
      socket.leave(room);
      const after = await nsp.in(room).fetchSockets();
      ack(sockets.map((one) => one.data.name).sort(), after.map((one) => one.data.name).sort());
    });

    socket.on("move", (from: string, to: string | string[], ack) => {
      nsp.in(from).socketsJoin(to);
      nsp.to(to).emit("moved");
      ack();
    });
    socket.on("remove", (from: string, room: string | string[], ack) => {
      nsp.in(from).socketsLeave(room);
      ack();
    });
    socket.on("move others", (from: string, to: string, ack) => {
      socket.to(from).socketsJoin(to);
      ack();
    });
    socket.on("rooms", (ack) => ack(roomNames(socket)));
    socket.on("tell", (room: string, text: string, ack) => {
      nsp.to(room).emit("told", text);
      ack();
    });

    socket.on("remote", async (id: string, room: string, ack) => {
      const [remote] = await nsp.in(id).fetchSockets();
      if (!remote) return ack("nobody");
      remote.emit("told", "by remote.emit");
      await remote.join(room);
      nsp.to(room).emit("told", "by the new room");
      await remote.leave(room);
      nsp.to(room).emit("told", "by the left room");
      ack(remote.id, remote.data);
    });
    socket.on("remote end", async (id: string, close: boolean, ack) => {
      const [remote] = await nsp.in(id).fetchSockets();
      remote?.disconnect(close);
      ack();
    });
  });
}
