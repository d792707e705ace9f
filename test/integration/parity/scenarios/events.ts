import { ODD_NAMES } from "../../../apps/core/events.ts";
import type { ScenarioGroup } from "../../../support/scenario.ts";

const JSON_VALUES = [
  "text",
  "",
  "ünïcode 🌍 \u0000 \u2028 \\ \" '",
  "1",
  0,
  -1,
  1.5,
  1e21,
  Number.MAX_SAFE_INTEGER,
  true,
  false,
  null,
  [],
  {},
  [[1, [2, [3, []]]], { a: [{}] }],
  { "": 1, "a.b": { c: null }, "0": [null], ["__proto__"]: "own" },
];

export const events: ScenarioGroup = {
  title: "events and acknowledgements",
  scenarios: [
    {
      name: "all JSON values go both ways, as arguments and in an acknowledgement",
      covers: ["Socket#on", "Socket#emit"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        await alice.ask("echo", ...JSON_VALUES);
        alice.emit("send back", ...JSON_VALUES);
        await alice.next("sent back");
      },
    },
    {
      name: "each JSON value arrives as the only argument",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        for (const value of JSON_VALUES) {
          await alice.ask("echo", value);
          alice.emit("send back", value);
          await alice.next("sent back");
        }
      },
    },
    {
      name: "what is not JSON becomes what JSON makes of it: undefined, NaN, dates, maps",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        await alice.ask(
          "echo",
          undefined,
          Number.NaN,
          new Date(0),
          { none: undefined, when: new Date(1) },
          new Set(),
        );
        await alice.ask("odd values");
        await alice.next("odd values");
      },
    },
    {
      name: "an event without arguments has none",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        alice.emit("send back");
        await alice.next("sent back");
        alice.emit("is there an ack");
        await alice.next("seen");
      },
    },
    {
      name: "an acknowledgement may have several arguments or none",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        await alice.ask("echo", 1, "two", { three: 3 });
        await alice.ask("echo");
        await alice.ask("answer nothing");
      },
    },
    {
      name: "a number is the name of an event, as the same text is",
      covers: ["Socket#on", "Socket#once", "Socket#off", "Socket#emit", "Socket#listenerCount"],
      async run(ctx) {
        const raw = ctx.raw("raw");
        await raw.opened();
        raw.send("40/events,");
        await raw.frame();
        for (const [frame, answers] of [
          ['42/events,1[101,"hi"]', 3],
          ['42/events,2["101","hi"]', 3],
          ["42/events,3[102]", 1],
          ["42/events,4[102]", 1],
          ["42/events,[103]", 0],
          ["42/events,5[104]", 1],
        ] as const) {
          raw.send(frame);
          for (let i = 0; i < answers; i++) await raw.frame();
        }
      },
    },
    {
      name: "an acknowledgement that is called twice is sent once",
      async run(ctx) {
        const raw = ctx.raw("raw");
        await raw.opened();
        raw.send("40/events,");
        await raw.frame();
        raw.send('42/events,1["answer twice"]');
        await raw.frame();
        raw.send('42/events,2["echo","marker"]');
        await raw.frame();
      },
    },
    {
      name: "the listener gets an acknowledgement function only if the client asked for one",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        alice.emit("is there an ack", 1);
        await alice.next("seen");
        alice.socket.emit("is there an ack", 1, () => {});
        await alice.next("seen");
      },
    },
    {
      name: "an event that nobody listens to is ignored",
      covers: ["Socket#on"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        alice.emit("nobody listens", 1);
        alice.socket.emit("nobody listens", 2, () => alice.trace.push(["ack", "nobody listens"]));
        await alice.ask("echo", "marker");
      },
    },
    {
      name: "event names may be empty, odd, very long or the names of built-in properties",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        for (const name of ODD_NAMES) {
          await alice.ask(name, `under ${name.slice(0, 20)}`);
          await alice.next(name);
        }
      },
    },
    {
      name: "send and write are the event called message",
      covers: ["Socket#send", "Socket#write"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        alice.socket.send("hello", 2);
        await alice.next("message");
        await alice.next("message");
      },
    },
    {
      name: "reserved names cannot be emitted, and the error names them",
      covers: [
        "Socket#emit",
        "Namespace#emit",
        "BroadcastOperator#emit",
        "EventEmitter:newListener",
        "EventEmitter:removeListener",
      ],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        await alice.ask("reserved");
      },
    },
    {
      name: "volatile and uncompressed events arrive at a client that listens",
      covers: ["Socket#volatile", "Socket#compress", "Namespace#volatile", "BroadcastOperator#emit"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        for (const kind of ["socket", "namespace", "compress"]) {
          await alice.ask("volatile", kind);
          await alice.next("volatile");
        }
      },
    },
    {
      name: "binary arguments go to the client, nested, in broadcasts and in acknowledgements",
      covers: ["Socket#emit", "BroadcastOperator#emit"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        await alice.ask("binary");
        await alice.next("binary");
        await alice.next("binary");
        await alice.next("binary");
      },
    },
    {
      name: "binary arguments come from the client",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        await alice.ask("echo", Buffer.from([0, 255, 128]), "text");
        await alice.ask("echo", { inner: [Buffer.from("x")] });
        // Different ones, sent in one millisecond, are refused: see the unit tests of attachments.
        await alice.ask("echo", Buffer.from("same"), [Buffer.from("same")]);
        await alice.ask("echo", Buffer.alloc(0));
        await alice.ask("echo", Buffer.alloc(20_000, "ü"));
        alice.emit("send back", Buffer.from("ü"));
        await alice.next("sent back");
      },
    },
    {
      name: "large packets arrive whole: 20 KB up, 100 KB down",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        await alice.ask("echo", "ü".repeat(10_000));
        await alice.ask("large", 100_000);
        await alice.next("large");
      },
    },
    {
      name: "a client may wait for several acknowledgements at once",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/events" });
        const numbers = Array.from({ length: 10 }, (_, n) => n);
        // Recorded together afterwards: which of concurrent events is answered first is not promised.
        const answers = await Promise.all(
          numbers.map((n) => alice.socket.timeout(20_000).emitWithAck("echo", n) as Promise<unknown>),
        );
        alice.trace.push(["all answers", ...answers]);
        await alice.trace.next("all answers", ([kind]) => kind === "all answers");
      },
    },
  ],
};

export const listeners: ScenarioGroup = {
  title: "listeners",
  scenarios: [
    {
      name: "several listeners of one event run in their order, prepended ones first",
      covers: ["Socket#on", "Socket#prependListener", "Socket#eventNames", "Socket#listenerCount"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/listeners" });
        alice.emit("order");
        for (let n = 0; n < 3; n++) await alice.next("ran");
        await alice.ask("names");
      },
    },
    {
      name: "a once listener runs once",
      covers: ["Socket#once"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/listeners" });
        await alice.ask("once", "the first time");
        await alice.next("always");
        alice.socket.emit("once", "the second time", () => alice.trace.push(["ack", "once, again"]));
        await alice.next("always");
        await alice.ask("marker");
      },
    },
    {
      name: "a once listener runs once for each connection",
      covers: ["Socket#once"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/listeners" });
        await alice.ask("once", "alice");
        await alice.next("always");
        const bob = await ctx.connect("bob", { nsp: "/listeners" });
        await bob.ask("once", "bob");
        await bob.next("always");
      },
    },
    {
      name: "removed listeners do not run",
      covers: ["Socket#off", "Socket#removeAllListeners"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/listeners" });
        await alice.ask("removed");
        await alice.ask("cleared");
      },
    },
    {
      name: "catch-all listeners see an event before its own listeners",
      covers: ["Socket#onAny", "Socket#prependAny", "Socket#offAny", "Socket#listenersAny"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/listeners" });
        await alice.ask("watched", "text");
        for (const event of ["any, prepended", "any", "own listener"]) await alice.next(event);
      },
    },
    {
      name: "outgoing catch-all listeners see what the socket emits, without acknowledgements",
      covers: ["Socket#onAnyOutgoing"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/listeners" });
        await alice.ask("send two");
        await alice.next("one");
        await alice.next("two");
      },
    },
    {
      name: "a packet middleware may change an event, hold it up or refuse it",
      covers: ["Socket#use", "Socket:error"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/guarded" });
        await alice.ask("change me", "text");
        alice.emit("forbidden");
        await alice.next("refused");
        await alice.ask("change me", "marker");
      },
    },
  ],
};
