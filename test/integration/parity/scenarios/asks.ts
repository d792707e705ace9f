import type { ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

/** Where an answer is expected in time: far above what a cold cloud needs. */
const AMPLE_MS = 15_000;
/** Where no answer is expected. */
const SHORT_MS = 300;

async function three(ctx: ScenarioContext) {
  const room = ctx.room("quiz");
  const [alice, bob, carol] = await Promise.all(
    ["alice", "bob", "carol"].map((name) => ctx.connect(name, { nsp: "/asks" })),
  );
  if (!alice || !bob || !carol) throw new Error("three clients were asked for");
  for (const client of [alice, bob, carol]) await client.ask("enter", room);
  return { room, alice, bob, carol };
}

export const asks: ScenarioGroup = {
  title: "questions to clients",
  scenarios: [
    {
      name: "emitWithAck resolves with the client's answer",
      covers: ["Socket#emitWithAck"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/asks" });
        alice.answer("question", () => ["fine", "a second argument nobody awaits"]);
        await alice.ask("await");
        await alice.next("question");
      },
    },
    {
      name: "an acknowledgement callback gets all arguments of the answer",
      covers: ["Socket#emit"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/asks" });
        alice.answer("question", () => ["much", { news: ["a", null] }, 3]);
        await alice.ask("call back");
        await alice.next("question");
      },
    },
    {
      name: "an answer may be empty",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/asks" });
        alice.answer("question", () => []);
        await alice.ask("call back");
        await alice.next("question");
        await alice.ask("await");
        await alice.next("question");
      },
    },
    {
      name: "an answer may be binary",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/asks" });
        alice.answer("question", () => [Buffer.from([1, 2, 3])]);
        await alice.ask("await");
        await alice.next("question");
      },
    },
    {
      name: "an answer in time is no error",
      covers: ["Socket#timeout", "Socket#emitWithAck"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/asks" });
        alice.answer("question", () => ["yes"]);
        await alice.ask("await within", AMPLE_MS);
        await alice.ask("call back within", AMPLE_MS);
        await alice.next("question");
        await alice.next("question");
      },
    },
    {
      name: "a client that does not answer in time is an error",
      covers: ["Socket#timeout", "Socket#emitWithAck", "Socket#emit"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/asks" });
        await alice.ask("await within", SHORT_MS);
        await alice.next("question");
        await alice.ask("call back within", SHORT_MS);
        await alice.next("question");
      },
    },
    {
      name: "two questions at once get each its own answer",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/asks" });
        alice.answer("question", (what) => [`answer to ${String(what)}`]);
        await alice.ask("two at once");
        await alice.next("question");
        await alice.next("question");
      },
    },
    {
      name: "a room is asked and every member answers",
      covers: ["Namespace#to", "BroadcastOperator#timeout", "BroadcastOperator#emit"],
      async run(ctx) {
        const { room, alice, bob, carol } = await three(ctx);
        for (const client of [alice, bob, carol]) client.answer("question", () => [`${client.name} answers`]);
        await alice.ask("poll", room, AMPLE_MS);
        for (const client of [alice, bob, carol]) await client.next("question");
      },
    },
    {
      name: "when one member is silent, the asker gets the error and the answers of the others",
      covers: ["BroadcastOperator#timeout", "BroadcastOperator#emit"],
      async run(ctx) {
        const { room, alice, bob, carol } = await three(ctx);
        for (const client of [alice, carol]) client.answer("question", () => [`${client.name} answers`]);
        // Longer than SHORT_MS: two answers have to make it through a cold cloud before the time is over.
        await alice.ask("poll", room, 4_000);
        for (const client of [alice, bob, carol]) await client.next("question");
      },
    },
    {
      name: "an empty room answers nothing, at once and without an error",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/asks" });
        await alice.ask("poll", ctx.room("nobody"), AMPLE_MS);
      },
    },
    {
      name: "the others in a room are asked without the asker",
      covers: ["Socket#to", "BroadcastOperator#emitWithAck"],
      async run(ctx) {
        const { room, alice, bob, carol } = await three(ctx);
        for (const client of [alice, bob, carol]) client.answer("question", () => [`${client.name} answers`]);
        await alice.ask("poll others", room, AMPLE_MS);
        for (const client of [bob, carol]) await client.next("question");
      },
    },
    {
      name: "a rejected question to a room carries the answers that came",
      covers: ["BroadcastOperator#emitWithAck"],
      async run(ctx) {
        const { room, alice, bob, carol } = await three(ctx);
        bob.answer("question", () => ["bob answers"]);
        await alice.ask("poll others", room, 4_000);
        for (const client of [bob, carol]) await client.next("question");
      },
    },
    {
      name: "one fetched socket is asked and answers alone",
      covers: ["RemoteSocket#timeout"],
      async run(ctx) {
        const { alice, bob } = await three(ctx);
        bob.answer("question", () => ["just me"]);
        await alice.ask("ask one", bob.id);
        await bob.next("question");
      },
    },
    {
      name: "a connection listener may wait for an answer before it goes on",
      covers: ["Socket#emitWithAck"],
      async run(ctx) {
        const alice = ctx.dial("alice", { nsp: "/asks at the door" });
        const room = ctx.room("chosen");
        alice.answer("which room?", () => [room]);
        await alice.connected();
        await alice.next("which room?");
        await alice.next("placed");
        await alice.ask("registered late");
        await alice.ask("rooms");
      },
    },
  ],
};
