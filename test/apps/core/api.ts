import type { Server } from "skysocket";

/** Namespaces that come into being when a client asks for them, the connection under a socket, and members rarely used. */
export function api(io: Server): void {
  const parent = io.of(/^\/dynamic-\d+$/);
  parent.use((socket, next) => {
    if (socket.handshake.auth.refuse) return next(new Error(`not in ${socket.nsp.name}`));
    socket.data.by = "the parent's middleware";
    next();
  });
  parent.on("connection", (socket) => {
    socket.on("where", (ack) => ack(socket.nsp.name, socket.data.by));
    socket.on("tell", (text) => socket.nsp.emit("told", text));
    socket.on("tell all", (text) => parent.emit("told all", text));
    socket.on("enter", (room: string, ack) => {
      socket.join(room);
      ack();
    });
    socket.on("tell all by all ways", (room: string, ack) => {
      parent.to(room).emit("told all", "to");
      parent.in([room]).emit("told all", "in");
      parent.except(room).emit("told all", "except");
      parent.local.to(room).emit("told all", "local");
      parent.compress(false).to(room).emit("told all", "not compressed");
      parent.timeout(1_000).to(room).emit("told all", "with a timeout that nobody needs");
      parent.send("by send");
      parent.write("by write");
      ack(/^\/_\d+$/.test(parent.name));
    });
    // By itself: stock drops a volatile event where another one is still being written.
    socket.on("tell all, volatile", (room: string) => {
      parent.volatile.to(room).emit("told all", "volatile");
    });
    socket.on("fetch all", async (ack) => {
      try {
        ack((await parent.fetchSockets()).length);
      } catch (error) {
        ack(
          error instanceof Error &&
            error.message.startsWith("fetchSockets() is not supported on parent namespaces"),
        );
      }
    });
    socket.on("outside", (name, ack) => {
      io.of(name).emit("told from outside");
      ack();
    });
  });

  // There before anybody asks for it, and although the pattern does not match.
  parent.createChild("/made-by-hand").on("connection", (socket) => {
    socket.on("its own", (ack) => ack(socket.nsp.name));
  });

  // Whoever asks for it is told by an event of the namespace.
  io.on("new_namespace", (nsp) => {
    if (!nsp.name.startsWith("/announced-")) return;
    nsp.on("connection", (socket) => socket.emit("announced", nsp.name));
  });
  io.of(/^\/announced-\d+$/);

  io.of((name, auth, next) => next(null, name.startsWith("/tenant/") && auth.key === "right")).on(
    "connection",
    (socket) => {
      socket.on("where", (ack) => ack(socket.nsp.name));
    },
  );

  connections(io);
  members(io);
}

function connections(io: Server): void {
  const nsp = io.of("/conn");
  nsp.on("connection", (socket) => {
    const { watchers } = socket.handshake.auth;
    socket.on("watch", (room: string, ack) => {
      socket.join(room);
      ack();
    });
    socket.on("about", (ack) => {
      const { conn, client, request } = socket;
      ack({
        conn: [conn.transport.name, conn.protocol, conn.readyState],
        same: [client.conn.request === request, conn.request === request, client.request === request],
        ids: [socket.id === "", socket.disconnected],
        request: [request.method, request._query.EIO, request._query.transport, typeof request.headers.host],
        server: socket.nsp.server === io,
      });
    });
    socket.on("close me", () => {
      socket.emit("before the end");
      socket.conn.close();
    });
    socket.on("end me", () => socket.disconnect(true));
    if (!watchers) return;
    socket.on("disconnect", (reason) => nsp.to(watchers).emit("disconnected", reason));
    socket.conn.on("close", (reason) => nsp.to(watchers).emit("closed", reason));
  });
}

function members(io: Server): void {
  const nsp = io.of("/members");
  nsp.on("connection", (socket) => {
    const seen: unknown[] = [];
    socket.onAnyOutgoing((event, ...args) => seen.push([event, ...args]));
    socket.on("all", async (room: string, ack) => {
      await socket.join(room);
      const [all, some] = await Promise.all([nsp.allSockets(), nsp.in(room).allSockets()]);
      ack(all.has(socket.id), [...some]);
    });
    socket.on("outgoing", (room: string, ack) => {
      seen.length = 0;
      socket.join(room);
      nsp.to(room).emit("to my room", 1);
      nsp.except(room).emit("not to me");
      socket.broadcast.to(room).emit("not to myself");
      socket.emit("to me");
      ack(seen);
    });
    socket.on("mine", (ack) => {
      ack(
        nsp.sockets.get(socket.id) === socket,
        nsp.sockets.has(socket.id),
        socket.eventNames().includes("mine"),
      );
    });
    socket.on("write", (room: string, ack) => {
      socket.join(room);
      nsp.in(room).allSockets();
      nsp.write("by write");
      ack();
    });
    socket.on("whole namespace", async (room: string, ms: number, ack) => {
      nsp.socketsJoin(room);
      const joined = await nsp.in(room).fetchSockets();
      nsp.socketsLeave(room);
      const left = await nsp.in(room).fetchSockets();
      const answers = await nsp.timeout(ms).in(socket.id).emitWithAck("question");
      ack(
        joined.some((one) => one.id === socket.id),
        left.length,
        answers,
      );
    });
    socket.on("local", (room: string) => {
      nsp.local.to(room).emit("local");
      nsp.compress(false).to(room).emit("uncompressed");
    });
  });
}
