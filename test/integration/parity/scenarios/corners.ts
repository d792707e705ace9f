import type { ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/corners";
/** Where no answer is expected. */
const SHORT_MS = 300;

async function watched(ctx: ScenarioContext) {
  const room = ctx.room("watchers");
  const watcher = await ctx.connect("watcher", { nsp: NSP });
  await watcher.ask("enter", room);
  const seen = async () => {
    for (const event of ["leaving", "left", "goodbye"]) await watcher.next(event);
  };
  return { room, watcher, seen };
}

export const corners: ScenarioGroup = {
  title: "corners",
  scenarios: [
    {
      name: "a middleware may refuse with whatever it likes",
      covers: ["Namespace#use"],
      async run(ctx) {
        const ways = ["text", "object", "then not", "buffer", "date", "map", "nothing", "nested"];
        for (const refuse of ways) await ctx.dial(refuse, { nsp: NSP, auth: { refuse } }).refused();
      },
    },
    {
      name: "what a middleware puts on handshake, request, conn and client is there in each event",
      covers: ["Socket#handshake", "Socket#request", "Socket#conn", "Socket#client"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP, auth: { mark: "alice" } });
        await alice.ask("marks");
        await alice.ask("marks");
        const bob = await ctx.connect("bob", { nsp: NSP });
        await bob.ask("marks");
      },
    },
    {
      name: "listeners are called with their emitter as this",
      covers: ["Namespace#on", "Socket#on"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("this");
      },
    },
    {
      name: "a connection listener may disconnect at once: connected and rooms tell so in the next line",
      covers: ["Socket#disconnect", "Socket#rooms", "Socket:disconnect"],
      async run(ctx) {
        const { room, watcher, seen } = await watched(ctx);
        const alice = ctx.dial("alice", { nsp: NSP, auth: { room, leave: true } });
        await alice.connected();
        await alice.next("hello");
        await alice.disconnected();
        await watcher.next("gone");
        await seen();
      },
    },
    {
      name: "what a socket does in its disconnect listener reaches others, and itself no more",
      covers: ["Socket:disconnect", "Socket:disconnecting"],
      async run(ctx) {
        const { room, seen } = await watched(ctx);
        const alice = await ctx.connect("alice", { nsp: NSP, auth: { room } });
        await alice.ask("this");
        alice.emit("last words");
        await alice.disconnected();
        await seen();
      },
    },
    {
      name: "events may be called by a number or by half a character; a name that is neither ends the client",
      covers: ["Socket#emit"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("odd names");
        await alice.trace.next("7", ([, name]) => name === 7);
        await alice.next("\ud800");
        alice.emit("no names");
        await alice.disconnected();
      },
    },
    {
      name: "functions, symbols and sets among the arguments become what JSON makes of them",
      covers: ["Socket#emit"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("odd values");
        await alice.next("odd values");
      },
    },
    {
      name: "who is told that an answer cannot be sent may give another",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("answer with a BigInt");
      },
    },
    {
      name: "what is changed after it was sent arrives as it was",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("mutate", { list: [1] });
        await alice.next("mutated");
      },
    },
    {
      name: "a socket may leave its own room: broadcasts of its own then reach it",
      covers: ["Socket#leave", "Socket#to"],
      async run(ctx) {
        const room = ctx.room("hall");
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("enter", room);
        await alice.ask("leave my own room");
        await alice.next("told");
        await alice.ask("broadcast", room);
        await alice.next("told");
      },
    },
    {
      name: "timeouts may be 0, negative, or text",
      covers: ["Socket#timeout"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        for (const ms of [0, -5, String(SHORT_MS)]) {
          await alice.ask("timeouts", ms);
          await alice.next("silent");
          await alice.next("silent");
        }
      },
    },
    {
      name: "a question to nobody is answered at once, by nobody",
      covers: ["BroadcastOperator#emitWithAck", "BroadcastOperator#timeout"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("ask nobody");
      },
    },
    {
      name: "a fetched socket calls back with all values of its answer, or with the error alone",
      covers: ["RemoteSocket#timeout", "RemoteSocket#emit"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        alice.answer("question", () => ["one", { two: 2 }]);
        await alice.ask("ask one that was fetched", 2_000);
        await alice.next("question");
        await alice.next("silent");
        await alice.next("silent");
      },
    },
    {
      name: "a packet middleware may rename an event, put something in, or refuse with what it likes",
      covers: ["Socket#use", "Socket:error"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("called otherwise", 1);
        await alice.ask("longer", 1);
        await alice.ask("held", 1);
        for (const event of ["refused with data", "refused with text"]) {
          alice.emit(event, { why: [1] });
          await alice.next("refused");
        }
      },
    },
    {
      name: "operators that are kept for all events choose the same each time",
      covers: ["Namespace#to", "BroadcastOperator#except", "BroadcastOperator#to"],
      async run(ctx) {
        const nsp = "/corners/operators";
        const alice = await ctx.connect("alice", { nsp });
        const bob = await ctx.connect("bob", { nsp });
        await alice.ask("enter", ["lobby"]);
        await bob.ask("enter", ["lobby", "muted"]);
        await alice.ask("by kept operators");
        for (let n = 0; n < 3; n++) await alice.next("told");
        for (let n = 0; n < 4; n++) await bob.next("told");
        await alice.ask("by empty lists");
        for (let n = 0; n < 2; n++) await Promise.all([alice.next("told"), bob.next("told")]);
      },
    },
    {
      name: "of a query parameter that comes twice the handshake has the last",
      covers: ["Handshake.query"],
      async run(ctx) {
        const raw = ctx.raw("raw", "EIO=4&transport=websocket&team=red&team=blue%20sky&empty=&__proto__=x");
        await raw.opened();
        raw.send("40/life,");
        await raw.frame();
        raw.send('42/life,1["handshake"]');
        await raw.frame();
      },
    },
  ],
};
