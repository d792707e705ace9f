import type { Server, Socket } from "skysocket";

type Named = Socket & { username?: string };

/** What an application keeps on a socket from one event to the next. */
export function state(io: Server): void {
  const nsp = io.of("/state");

  nsp.on("connection", (socket: Named) => {
    socket.data.visits = (socket.data.visits ?? 0) + 1;
    socket.data.list ??= [];
    socket.data.list.push("connected");

    socket.on("set", (key: string, value: unknown, ack) => {
      socket.data[key] = value;
      ack();
    });
    socket.on("delete", (key: string, ack) => {
      delete socket.data[key];
      ack();
    });
    socket.on("push", (value: unknown, ack) => {
      socket.data.list.push(value);
      ack(socket.data.list.length);
    });
    socket.on("replace", (data: Record<string, unknown>, ack) => {
      socket.data = data;
      ack();
    });
    socket.on("get", (ack) => ack(socket.data));
    socket.on("call me", (name: string, ack) => {
      socket.username = name;
      ack();
    });
    socket.on("my name", (ack) => ack(socket.username));
    socket.on("look at", async (id: string, ack) => {
      const [other] = await nsp.in(id).fetchSockets();
      ack(other?.id, other?.data);
    });
    socket.on("change late", async (ack) => {
      ack();
      await new Promise((resolve) => setTimeout(resolve, 5));
      socket.data.late = true;
      socket.emit("changed");
    });
    socket.on("is it the same handshake", (ack) => {
      const { issued, time, auth, query } = socket.handshake;
      const now = { issued, time, auth, query };
      socket.data.handshake ??= now;
      ack(JSON.stringify(socket.data.handshake) === JSON.stringify(now), auth);
    });
  });
}
