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
      covers: ["Server#emit"],
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
      covers: ["Server#to", "Server#in", "Server#except"],
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
      covers: ["Server#send"],
      async run(ctx) {
        const { alice, bob } = await pair(ctx);
        await alice.ask("io.send", "hello");
        await Promise.all([alice.next("message"), bob.next("message")]);
      },
    },
    {
      name: "io.socketsJoin and io.fetchSockets work on the main namespace",
      covers: ["BroadcastOperator#socketsJoin", "BroadcastOperator#fetchSockets"],
      async run(ctx) {
        const { room, alice } = await pair(ctx);
        await alice.ask("io.move", room, ctx.room("new"));
      },
    },
    {
      name: "io.of of the main namespace and io.sockets are a socket's nsp",
      covers: ["Server#of", "Server#sockets"],
      async run(ctx) {
        const alice = await ctx.connect("alice");
        await alice.ask("same namespace");
      },
    },
    {
      name: "a middleware of the server guards the main namespace only",
      covers: ["Server#use"],
      async run(ctx) {
        const auth = { refuse: "main" };
        const alice = ctx.dial("alice", { auth });
        await alice.refused();
        const chat = await ctx.connect("chat", { nsp: "/chat", over: alice, auth });
        await chat.ask("where");
      },
    },
    {
      name: "volatile, local and uncompressed events of the server arrive",
      covers: [
        "Server#volatile",
        "Server#local",
        "Server#compress",
        "Socket#local",
        "BroadcastOperator#volatile",
        "BroadcastOperator#local",
        "BroadcastOperator#compress",
      ],
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        await alice.ask("io by all ways", room);
        for (let n = 0; n < 3; n++) await alice.next("announced");
        for (let n = 0; n < 4; n++) await bob.next("announced");
        for (const event of ["io.volatile", "operator.volatile"]) {
          alice.emit(event, room);
          for (const client of [alice, bob]) await client.next("announced");
        }
      },
    },
    {
      name: "connect is another name of the server's connection event",
      covers: ["Server:connect"],
      async run(ctx) {
        const alice = await ctx.connect("alice");
        await alice.ask("registered by connect");
      },
    },
    {
      name: "io.write is the event called message too",
      covers: ["Server#write"],
      async run(ctx) {
        const { alice, bob } = await pair(ctx);
        await alice.ask("io.write", "hello");
        await Promise.all([alice.next("message"), bob.next("message")]);
      },
    },
    {
      name: "io.timeout asks the sockets of a room",
      covers: ["Server#timeout", "BroadcastOperator#emitWithAck"],
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        for (const client of [alice, bob]) client.answer("question", () => [`${client.name} answers`]);
        await alice.ask("io.timeout", room, 15_000);
        for (const client of [alice, bob]) await client.next("question");
      },
    },
    {
      name: "the server lists and moves everyone in the main namespace",
      covers: ["Server#allSockets", "Server#fetchSockets", "Server#socketsJoin", "Server#socketsLeave"],
      async run(ctx) {
        const { alice } = await pair(ctx);
        await alice.ask("io.allSockets");
        await alice.ask("io.fetchSockets");
        await alice.ask("io for everyone", ctx.room("new"));
      },
    },
    {
      name: "the server empties the main namespace, and no other",
      covers: ["Server#disconnectSockets"],
      async run(ctx) {
        // In no room together: whether one is told that the other leaves before it leaves itself, nobody promises.
        const alice = await ctx.connect("alice");
        const bob = await ctx.connect("bob");
        const chat = await ctx.connect("bob in /chat", { nsp: "/chat", over: bob });
        alice.emit("io.disconnectSockets");
        await Promise.all([alice.disconnected(), bob.disconnected()]);
        await chat.ask("where");
      },
    },
  ],
};
