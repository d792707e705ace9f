import type { Server, Socket } from "skysocket";
import { roomNames } from "./room-names.ts";

type Marked = Record<string, unknown>;

/** What a refusal may carry besides plain values. */
const ODD_DATA: Readonly<Record<string, unknown>> = {
  buffer: Buffer.from([1, 2]),
  date: new Date(0),
  map: new Map([[1, 2]]),
  nothing: undefined,
  nested: [Number.NaN, { inner: [undefined, () => 1, Symbol("x")] }, new Error("inside")],
};

/** Corners of the API that applications get into by habit or by mistake. */
export function corners(io: Server): void {
  const nsp = io.of("/corners");

  nsp.use((socket, next) => {
    const { refuse, mark } = socket.handshake.auth;
    if (mark) {
      for (const one of [socket.handshake, socket.request, socket.conn, socket.client])
        (one as unknown as Marked).mark = { of: mark };
    }
    // Whatever JavaScript applications give.
    const answer = next as (refusal?: unknown) => void;
    if (refuse === "text") return answer("no Error at all");
    if (refuse === "object") return answer({ message: "no Error either", data: [1] });
    if (refuse === "then not") answer(new Error("refused, and then let in"));
    else if (refuse) return answer(Object.assign(new Error(), { data: ODD_DATA[refuse] }));
    next();
  });

  nsp.on("connection", function (this: unknown, socket) {
    const itself = this === nsp;
    socket.on("this", function (this: unknown, ack) {
      ack(itself, this === socket);
    });
    socket.on("marks", (ack) => {
      const { handshake, request, conn, client } = socket;
      ack([handshake, request, conn, client].map((one) => (one as unknown as Marked).mark));
    });
    leaving(io, socket);
    sending(io, socket);
    asking(io, socket);
    guarded(socket);
  });
  operators(io);
}

function leaving(io: Server, socket: Socket): void {
  const { room, leave } = socket.handshake.auth;
  const nsp = io.of("/corners");
  socket.on("disconnecting", (reason) =>
    nsp.to(room).emit("leaving", reason, socket.connected, roomNames(socket)),
  );
  socket.once("disconnect", function (this: unknown, ...args) {
    nsp.to(room).emit("left", args, socket.connected, socket.rooms.size, this === socket);
    socket.join(room);
    socket.emit("too late");
    socket.broadcast.to(room).emit("goodbye", socket.rooms.size);
  });
  socket.on("enter", (name: string, ack) => {
    socket.join(name);
    ack();
  });
  if (!leave) return;
  socket.join("for a moment");
  socket.emit("hello");
  socket.disconnect();
  nsp.to(room).emit("gone", socket.connected, socket.rooms.size);
}

function sending(io: Server, socket: Socket): void {
  const nsp = io.of("/corners");
  const emit = socket.emit.bind(socket) as (...args: unknown[]) => unknown;
  socket.on("odd names", (ack) => {
    emit(7, "a number");
    emit("\ud800", "half a character");
    ack();
  });
  socket.on("no names", () => {
    emit(null, "not sent by a client either");
  });
  socket.on("odd values", (ack) => {
    emit("odd values", () => 1, Symbol("s"), [() => 1], { f: () => 1 }, new Set([1]), Object.create(null));
    ack();
  });
  socket.on("answer with a BigInt", (ack) => {
    const outcome = tried(() => ack(1n));
    ack(outcome, "and then with this");
  });
  socket.on("mutate", (value: { list: number[] }, ack) => {
    emit("mutated", value);
    value.list.push(2);
    ack(value);
    value.list.push(3);
  });
  socket.on("leave my own room", async (ack) => {
    await socket.leave(socket.id);
    nsp.to(socket.id).emit("told", "to nobody");
    socket.emit("told", "by emit");
    ack(roomNames(socket));
  });
  socket.on("broadcast", (room: string, ack) => {
    socket.to(room).emit("told", "from one without a room of its own");
    ack();
  });
}

function asking(io: Server, socket: Socket): void {
  const nsp = io.of("/corners");
  socket.on("timeouts", async (ms: number, ack) => {
    const called = new Promise((resolve) => {
      socket.timeout(ms).emit("silent", (...args: unknown[]) => resolve([args.length, messageOf(args[0])]));
    });
    const rejected = await socket.timeout(ms).emitWithAck("silent").catch(messageOf);
    ack(await called, rejected);
  });
  socket.on("ask nobody", async (ack) => {
    const called = new Promise((resolve) => {
      nsp
        .to("nobody")
        .timeout(500)
        .emit("silent", (...args: unknown[]) => resolve(args));
    });
    ack(await nsp.to("nobody").timeout(500).emitWithAck("silent"), await called);
  });
  socket.on("ask one that was fetched", async (ms: number, ack) => {
    const [one] = await nsp.in(socket.id).fetchSockets();
    const ask = (event: string) =>
      new Promise((resolve) => {
        one?.timeout(ms).emit(event, (...args: unknown[]) => resolve(args.map((arg) => messageOf(arg))));
      });
    const rejected = await one
      ?.timeout(ms)
      .emitWithAck("silent")
      .catch((error: unknown) => [messageOf(error), (error as { responses?: unknown }).responses ?? null]);
    ack(await ask("question"), await ask("silent"), rejected);
  });
}

/** A packet middleware that does to packets what nobody has in mind. */
function guarded(socket: Socket): void {
  socket.use((packet, next) => {
    const refuse = next as (refusal: unknown) => void;
    switch (packet[0]) {
      case "called otherwise":
        packet[0] = "echo";
        return next();
      case "longer":
        packet.splice(1, 0, "put in");
        return next();
      case "refused with data":
        return next(Object.assign(new Error("no"), { data: packet[1] }));
      case "refused with text":
        return refuse("just text");
      case "held":
        return void Promise.resolve().then(() => next());
      case "last words":
        socket.disconnect();
        return next();
      default:
        next();
    }
  });
  const echo = (...args: unknown[]) => {
    const ack = args.pop() as (...answer: unknown[]) => void;
    ack(...args);
  };
  for (const event of ["echo", "longer", "held"]) socket.on(event, echo);
  socket.on("last words", () => socket.broadcast.emit("nobody says this"));
  socket.on("error", (error: Error & { data?: unknown }) =>
    socket.emit("refused", error instanceof Error ? [error.message, error.data] : error),
  );
}

/** Operators that live as long as the module, and lists of rooms with nothing in them. */
function operators(io: Server): void {
  const nsp = io.of("/corners/operators");
  const lobby = nsp.to("lobby");
  const unmuted = lobby.except("muted");
  nsp.on("connection", (socket) => {
    const others = socket.to("lobby");
    socket.on("enter", (rooms: string[], ack) => {
      socket.join(rooms);
      ack();
    });
    socket.on("by kept operators", (ack) => {
      lobby.emit("told", "lobby");
      unmuted.emit("told", "unmuted");
      for (const unused of [lobby.volatile, lobby.timeout(1), lobby.to("elsewhere")]) void unused;
      lobby.emit("told", "lobby again");
      others.emit("told", "others");
      others.emit("told", "others again");
      ack();
    });
    socket.on("by empty lists", (ack) => {
      lobby.to([]).except([]).emit("told", "lobby");
      nsp.to([]).in("lobby").emit("told", "in the lobby");
      ack();
    });
  });
}

function tried(code: () => unknown): string {
  try {
    code();
    return "accepted";
  } catch (error) {
    return error instanceof Error ? error.constructor.name : "no Error";
  }
}

const messageOf = (value: unknown): unknown => (value instanceof Error ? value.message : value);
