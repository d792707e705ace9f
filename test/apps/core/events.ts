import type { Server, Socket } from "skysocket";

/** Names that an implementation may stumble over when it keeps listeners in an object or in a table. */
export const ODD_NAMES = [
  "",
  " ",
  "with space",
  "a:b/c#d|e,f",
  'quotes " and \\ backslash',
  "line\nbreak\ttab",
  "grüße 🌍 你好",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "0",
  "long ".repeat(400),
];

const RESERVED = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

export function events(io: Server): void {
  const nsp = io.of("/events");

  nsp.on("connection", (socket) => {
    socket.on("echo", (...args) => {
      const ack = args.pop();
      ack(...args);
    });
    socket.on("send back", (...args) => socket.emit("sent back", ...args));
    socket.on("answer nothing", (ack) => ack());
    socket.on("answer twice", (ack) => {
      ack("first");
      ack("second");
    });
    socket.on("is there an ack", (...args) => socket.emit("seen", args.length, typeof args.at(-1)));
    socket.on("message", (...args) => {
      socket.send("by send", ...args);
      socket.write("by write", ...args);
    });

    socket.on("odd values", (ack) => {
      const values = [
        undefined,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        -0,
        new Date(0),
        new Map([[1, 2]]),
        /x/,
      ];
      const object = {
        none: undefined,
        when: new Date(86_400_000),
        toJSON: undefined,
        list: [undefined, null],
      };
      socket.emit("odd values", ...values, object);
      ack(...values, object, { toJSON: () => "its own JSON" });
    });

    for (const name of ODD_NAMES) {
      socket.on(name, (text: string, ack) => {
        socket.emit(name, text);
        ack(name.length);
      });
    }
    socket.on("7", (text) => socket.emit("number seven", text));
    numbers(io, socket);

    socket.on("reserved", async (ack) => {
      const errors: string[] = [];
      for (const name of RESERVED) {
        for (const emit of [
          () => socket.emit(name),
          () => nsp.emit(name),
          () => socket.broadcast.emit(name),
          () => nsp.to("x").emit(name),
        ]) {
          try {
            await emit();
            errors.push(`${name} was accepted`);
          } catch (error) {
            errors.push(error instanceof Error ? error.message : "no Error");
          }
        }
      }
      ack(errors);
    });

    socket.on("volatile", async (kind: string, ack) => {
      if (kind === "socket") await socket.volatile.emit("volatile", kind);
      if (kind === "namespace") await nsp.volatile.to(socket.id).emit("volatile", kind);
      if (kind === "compress") await socket.compress(false).emit("volatile", kind);
      ack();
    });

    socket.on("binary", (ack) => {
      const bytes = Buffer.from([0, 1, 2, 253, 254, 255]);
      socket.emit("binary", bytes);
      socket.emit("binary", "text", { inner: [bytes, { deeper: Buffer.from("ü") }] }, Buffer.alloc(0));
      nsp.to(socket.id).emit("binary", new Uint8Array([9, 8, 7]));
      ack("answer", bytes);
    });
    socket.on("large", (length: number, ack) => {
      socket.emit("large", "x".repeat(length));
      ack("y".repeat(length));
    });
  });

  listeners(io);
}

/** Events whose names are numbers, as those of an enum are. The types of Socket.IO know strings only. */
const [CHAT, MOVE, QUIT, LIST] = [101, 102, 103, 104] as unknown as [string, string, string, string];

function numbers(io: Server, socket: Socket): void {
  const removed = () => socket.emit("a removed listener ran");
  socket.on(CHAT, async (text: string, ack) => {
    await socket.emit(CHAT, text);
    await io.of("/events").to(socket.id).emit(CHAT);
    ack(`heard ${text}`);
  });
  socket.once(MOVE, (ack) => ack("moved"));
  socket.on(MOVE, (ack) => ack("moved again"));
  socket.on(QUIT, removed);
  socket.off(QUIT, removed);
  socket.on(LIST, (ack) => {
    const names = socket.eventNames();
    ack(
      [CHAT, QUIT, LIST].map((name) => names.includes(String(name))),
      [CHAT, QUIT, LIST].map((name) => socket.listenerCount(name)),
      socket.listeners(LIST).length,
    );
  });
}

/** Kinds of listeners: once, any, removed, prepended, and packet middlewares. */
function listeners(io: Server): void {
  io.of("/listeners").on("connection", (socket) => {
    const removed = () => socket.emit("a removed listener ran");

    socket.on("order", () => socket.emit("ran", "first"));
    socket.on("order", () => socket.emit("ran", "second"));
    socket.prependListener("order", () => socket.emit("ran", "prepended"));

    socket.once("once", (text: string, ack) => ack(`once: ${text}`));
    socket.on("once", (text: string) => socket.emit("always", text));
    socket.on("marker", (ack) => ack());

    socket.on("removed", removed);
    socket.off("removed", removed);
    socket.on("cleared", removed);
    socket.removeAllListeners("cleared");
    // What runs after the removed ones, so that a client sees that they did not.
    for (const event of ["removed", "cleared"]) socket.on(event, (ack) => ack("the one that stayed"));

    socket.onAny((event: string, ...args) => {
      if (event === "watched") socket.emit("any", event, args.length);
    });
    socket.prependAny((event: string) => {
      if (event === "watched") socket.emit("any, prepended", event);
    });
    const silent = () => socket.emit("a removed catch-all listener ran");
    socket.onAny(silent);
    socket.offAny(silent);
    socket.on("watched", (_text, ack) => {
      socket.emit("own listener");
      ack(socket.listenersAny().length);
    });
    socket.on("names", (ack) => {
      const names = socket.eventNames().map(String);
      ack(
        names.includes("order"),
        names.includes("cleared"),
        names.includes("nobody"),
        socket.listenerCount("order"),
      );
    });

    socket.onAnyOutgoing((event: string, ...args) => {
      socket.data.sent = [...(socket.data.sent ?? []), [event, ...args]];
    });
    socket.on("send two", (ack) => {
      socket.emit("one", 1);
      socket.emit("two", 2);
      ack(socket.data.sent);
    });
  });

  io.of("/guarded").on("connection", (socket) => {
    socket.use(([event], next) => {
      if (event === "forbidden") return next(new Error("you may not"));
      next();
    });
    socket.use((packet, next) => {
      if (packet[0] === "change me") packet[1] = `changed ${packet[1]}`;
      setImmediate(next);
    });
    socket.on("error", (error) => socket.emit("refused", error.message));
    socket.on("forbidden", () => socket.emit("a forbidden listener ran"));
    socket.on("change me", (text: string, ack) => ack(text));
  });
}
