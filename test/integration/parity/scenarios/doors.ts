import type { ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/doors";

export const doors: ScenarioGroup = {
  title: "middlewares",
  scenarios: [
    {
      name: "middlewares run in their order, each after the one before it is done, and before the connection",
      covers: ["Namespace#use"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP, auth: { name: "Alice" } });
        await alice.ask("trail");
        await alice.ask("trail");
      },
    },
    {
      name: "a refusal carries its message and data",
      covers: ["Namespace#use"],
      async run(ctx) {
        const alice = ctx.dial("alice", { nsp: NSP, auth: { name: "Alice", refuse: "with data" } });
        await alice.refused();
      },
    },
    {
      name: "a refusal without data has none",
      async run(ctx) {
        const alice = ctx.dial("alice", { nsp: NSP, auth: { name: "Alice", refuse: "plainly" } });
        await alice.refused();
      },
    },
    {
      name: "after a refusal the connection stays, and another auth is let in on it",
      async run(ctx) {
        const main = await ctx.connect("main");
        const auth: Record<string, unknown> = { name: "Alice", refuse: "plainly" };
        const alice = ctx.dial("alice", { nsp: NSP, over: main, auth });
        await alice.refused();
        delete auth.refuse;
        alice.socket.connect();
        await alice.connected();
        await alice.ask("name");
        await main.ask("who am i");
      },
    },
    {
      name: "a middleware may join rooms, and the socket is in them",
      covers: ["Namespace#use", "Socket#join"],
      async run(ctx) {
        const room = ctx.room("by middleware");
        const alice = await ctx.connect("alice", { nsp: NSP, auth: { name: "Alice", room } });
        const bob = await ctx.connect("bob", { nsp: NSP, auth: { name: "Bob" } });
        await alice.ask("trail");
        await bob.ask("how many", room);
        await alice.next("counted");
      },
    },
    {
      name: "a refused socket is in no room, although a middleware joined it",
      async run(ctx) {
        const room = ctx.room("by middleware");
        const alice = ctx.dial("alice", { nsp: NSP, auth: { name: "Alice", room, refuse: "plainly" } });
        await alice.refused();
        const bob = await ctx.connect("bob", { nsp: NSP, auth: { name: "Bob", room } });
        await bob.ask("how many", room);
        await bob.next("counted");
      },
    },
    {
      name: "a property that a middleware sets on the socket is there in later events",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP, auth: { name: "Alice" } });
        await alice.ask("name");
        await alice.ask("name");
      },
    },
    {
      name: "a property that a handler changes is changed in later events",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP, auth: { name: "Alice" } });
        await alice.ask("rename", "Alicia");
        await alice.ask("name");
        await alice.ask("rename", "Ali");
        await alice.ask("name");
      },
    },
    {
      name: "an event that a middleware emits reaches the client",
      async run(ctx) {
        const alice = ctx.dial("alice", { nsp: NSP, auth: { name: "Alice", greet: true } });
        await alice.next("greeting");
        await alice.connected();
        await alice.ask("name");
      },
    },
    {
      name: "middlewares of one namespace do not run in another",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/no door", auth: { refuse: "plainly" } });
        await alice.ask("trail");
        const main = await ctx.connect("main", { over: alice, auth: { refuse: "plainly" } });
        await main.ask("who am i");
      },
    },
    {
      name: "two clients in the door at once are told apart",
      async run(ctx) {
        const alice = ctx.dial("alice", { nsp: NSP, auth: { name: "Alice" } });
        const bob = ctx.dial("bob", { nsp: NSP, auth: { name: "Bob" } });
        const eve = ctx.dial("eve", { nsp: NSP, auth: { name: "Eve", refuse: "plainly" } });
        await Promise.all([alice.connected(), bob.connected(), eve.refused()]);
        await alice.ask("trail");
        await bob.ask("trail");
        await alice.ask("name");
        await bob.ask("name");
      },
    },
  ],
};
