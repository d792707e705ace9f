import type { ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/faults";

async function pair(ctx: ScenarioContext) {
  const room = ctx.room("hall");
  const alice = await ctx.connect("alice", { nsp: NSP });
  const bob = await ctx.connect("bob", { nsp: NSP });
  await alice.ask("enter", room);
  await bob.ask("enter", room);
  return { room, alice, bob };
}

export const faults: ScenarioGroup = {
  title: "application code that fails",
  scenarios: [
    {
      name: "a handler that throws disturbs neither the others nor its own socket",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        alice.emit("throw");
        await alice.ask("say", room, "still here");
        await alice.next("said");
        await bob.next("said");
        await bob.ask("say", room, "me too");
        await alice.next("said");
        await bob.next("said");
      },
      differs: {
        why: "An error in a listener ends the process of a stock server, with all its connections; here it ends in the log.",
        stockCrashes: true,
        expect: {
          alice: [
            ["connect"],
            ["ack", "enter"],
            ["on", "said", "still here"],
            ["ack", "say"],
            ["on", "said", "me too"],
          ],
          bob: [
            ["connect"],
            ["ack", "enter"],
            ["on", "said", "still here"],
            ["on", "said", "me too"],
            ["ack", "say"],
          ],
        },
      },
    },
    {
      name: "a handler that rejects keeps what it did before, and disturbs nobody",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        await alice.ask("reject", room);
        await alice.next("said");
        await bob.next("said");
        await alice.ask("say", room, "still here");
        await alice.next("said");
        await bob.next("said");
      },
      differs: {
        why: "A rejected listener is an unhandled rejection, which ends the process of a stock server; here it ends in the log.",
        stockCrashes: true,
        expect: {
          alice: [
            ["connect"],
            ["ack", "enter"],
            ["ack", "reject", "before the rejection"],
            ["on", "said", "before the rejection"],
            ["on", "said", "still here"],
            ["ack", "say"],
          ],
          bob: [
            ["connect"],
            ["ack", "enter"],
            ["on", "said", "before the rejection"],
            ["on", "said", "still here"],
          ],
        },
      },
    },
    {
      name: "what cannot be sent is refused where it is emitted: a cycle, a BigInt",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        await alice.ask("emit a cycle");
        await alice.ask("emit a BigInt", room);
        await alice.ask("say", room, "marker");
        await alice.next("said");
        await bob.next("said");
      },
    },
  ],
};
