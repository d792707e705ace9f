import type { Server } from "skysocket";
import { roomNames } from "./room-names.ts";

export function rooms(io: Server): void {
  const nsp = io.of("/rooms");

  nsp.on("connection", (socket) => {
    const mine = () => roomNames(socket);

    socket.on("join", (room: string | string[], ack) => {
      socket.join(room);
      ack(mine());
    });
    socket.on("leave", (room: string, ack) => {
      socket.leave(room);
      ack(mine());
    });
    socket.on("rooms", (ack) => ack(mine()));
    socket.on("to myself", (ack) => {
      socket.emit("direct");
      nsp.to(socket.id).emit("by own room");
      ack(mine());
    });

    socket.on("io.to", (room: string | string[], text: string, ack) => {
      nsp.to(room).emit("told", text);
      ack();
    });
    socket.on("io.in", (room: string | string[], text: string, ack) => {
      nsp.in(room).emit("told", text);
      ack();
    });
    socket.on("io chain", (first: string, second: string, text: string, ack) => {
      nsp.to(first).to(second).in(first).emit("told", text);
      ack();
    });
    socket.on("socket.to", (room: string | string[], text: string, ack) => {
      socket.to(room).emit("told", text);
      ack();
    });
    socket.on("socket.in", (room: string, text: string, ack) => {
      socket.in(room).emit("told", text);
      ack();
    });
    socket.on("io.to.except", (room: string, not: string | string[], text: string, ack) => {
      nsp.to(room).except(not).emit("told", text);
      ack();
    });
    socket.on("socket.to.except", (room: string, not: string, other: string, text: string, ack) => {
      socket.to(room).except(not).except(other).emit("told", text);
      ack();
    });
    socket.on("reused operator", (first: string, second: string, ack) => {
      const operator = nsp.to(first);
      operator.to(second);
      operator.except(first);
      operator.emit("told", "by the first operator");
      operator.emit("told", "by it again");
      ack();
    });
  });

  everyone(io);
}

/** The whole namespace as a target. */
function everyone(io: Server): void {
  const nsp = io.of("/everyone");

  // Another name of the event "connection".
  nsp.on("connect", (socket) => {
    socket.on("registered by connect", (ack) => ack(socket.id));
  });

  nsp.on("connection", (socket) => {
    socket.on("enter", (party: string, name: string, ack) => {
      socket.data = { party, name };
      socket.join(party);
      ack();
    });
    socket.on("nsp.emit", (text: string, ack) => {
      nsp.emit("told", text);
      ack();
    });
    socket.on("io.of.emit", (text: string, ack) => {
      io.of("/everyone").emit("told", text);
      ack();
    });
    socket.on("broadcast", (text: string, ack) => {
      socket.broadcast.emit("told", text);
      ack();
    });
    socket.on("except", (room: string, text: string, ack) => {
      nsp.except(room).emit("told", text);
      ack();
    });
    socket.on("socket.except", (room: string, text: string, ack) => {
      socket.except(room).emit("told", text);
      ack();
    });
    socket.on("broadcast.to", (room: string, text: string, ack) => {
      socket.broadcast.to(room).emit("told", text);
      ack();
    });
    socket.on("send", (text: string, ack) => {
      nsp.send(text);
      ack();
    });
    socket.on("close down", () => {
      nsp.disconnectSockets();
    });
    socket.on("who", async (party: string, ack) => {
      const sockets = await nsp.fetchSockets();
      const names = sockets.filter((one) => one.data.party === party).map((one) => one.data.name);
      ack(names.sort());
    });
  });
}
