import type { ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

async function pair(ctx: ScenarioContext) {
  const room = ctx.room("hall");
  const alice = await ctx.connect("alice");
  const bob = await ctx.connect("bob");
  await alice.ask("enter", room, "alice");
  await bob.ask("enter", room, "bob");
  return { room, alice, bob };
}

export const mainNamespace: ScenarioGroup = {
  title: "the server as its main namespace",
  scenarios: [
    {
      name: "io.emit reaches everyone in the main namespace and nobody in another",
      async run(ctx) {
        const { alice, bob } = await pair(ctx);
        const inLife = await ctx.connect("bob in /life", { nsp: "/life", over: bob });
        await inLife.ask("who am i");
        await alice.ask("io.emit", "hello");
        await Promise.all([alice.next("announced"), bob.next("announced")]);
        await inLife.ask("who am i");
      },
    },
    {
      name: "io.to, io.in and io.except target rooms of the main namespace",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        await alice.ask("io.to", room, "to the hall");
        await Promise.all([alice.next("announced"), bob.next("announced")]);
        await alice.ask("io.in.except", room, bob.id, "not bob");
        await alice.next("announced");
        await alice.ask("io.except", alice.id, "not alice");
        await bob.next("announced");
        await alice.ask("io.to", room, "marker");
        await Promise.all([alice.next("announced"), bob.next("announced")]);
      },
    },
    {
      name: "io.send is the event called message",
      async run(ctx) {
        const { alice, bob } = await pair(ctx);
        await alice.ask("io.send", "hello");
        await Promise.all([alice.next("message"), bob.next("message")]);
      },
    },
    {
      name: "io.socketsJoin and io.fetchSockets work on the main namespace",
      async run(ctx) {
        const { room, alice } = await pair(ctx);
        await alice.ask("io.move", room, ctx.room("new"));
      },
    },
    {
      name: "io.of of the main namespace and io.sockets are a socket's nsp",
      async run(ctx) {
        const alice = await ctx.connect("alice");
        await alice.ask("same namespace");
      },
    },
    {
      name: "a middleware of the server guards the main namespace only",
      async run(ctx) {
        const auth = { refuse: "main" };
        const alice = ctx.dial("alice", { auth });
        await alice.refused();
        const chat = await ctx.connect("chat", { nsp: "/chat", over: alice, auth });
        await chat.ask("where");
      },
    },
  ],
};
