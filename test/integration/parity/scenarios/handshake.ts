import type { ScenarioGroup } from "../../../support/scenario.ts";

export const handshake: ScenarioGroup = {
  title: "connecting",
  scenarios: [
    {
      name: "a client connects to the main namespace and both sides know the same id",
      covers: [
        "Socket#id",
        "Socket#nsp",
        "Socket#connected",
        "Socket#disconnected",
        "Socket#rooms",
        "Server#on",
        "Server:connection",
        "Namespace#name",
      ],
      async run(ctx) {
        const alice = await ctx.connect("alice");
        await alice.ask("who am i");
      },
    },
    {
      name: "a client connects to another namespace with an id of its own",
      covers: ["Server#of", "Namespace#on", "Namespace:connection"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/life" });
        await alice.ask("who am i");
      },
    },
    {
      name: "two clients have two ids",
      async run(ctx) {
        const alice = await ctx.connect("alice");
        const bob = await ctx.connect("bob");
        await alice.ask("who am i");
        await bob.ask("who am i");
      },
    },
    {
      name: "auth, query and headers reach the handshake",
      covers: ["Handshake.auth", "Handshake.query", "Handshake.headers", "Socket#handshake"],
      async run(ctx) {
        const alice = await ctx.connect("alice", {
          auth: { token: "s3cret", nested: { list: [1, null, "ü"] } },
          manager: {
            query: { room: "a b&c=d", empty: "", unicode: "grüße" },
            extraHeaders: {
              "User-Agent": "parity/1",
              Origin: "https://example.org",
              Cookie: "sid=1; theme=dark",
            },
          },
        });
        await alice.ask("handshake");
      },
    },
    {
      name: "a client without auth has an empty one",
      async run(ctx) {
        const alice = await ctx.connect("alice", { manager: { extraHeaders: { "User-Agent": "parity/1" } } });
        await alice.ask("handshake");
      },
    },
    {
      name: "auth may be a function",
      async run(ctx) {
        const alice = await ctx.connect("alice", {
          auth: (send) => send({ token: "computed" }),
          manager: { extraHeaders: { "User-Agent": "parity/1" } },
        });
        await alice.ask("handshake");
      },
    },
    {
      name: "each namespace of a connection has its own auth and the connection's query",
      covers: ["Handshake.auth", "Handshake.query"],
      async run(ctx) {
        const manager = { query: { shared: "yes" }, extraHeaders: { "User-Agent": "parity/1" } };
        const alice = await ctx.connect("alice", { auth: { for: "main" }, manager });
        const inLife = await ctx.connect("alice in /life", {
          nsp: "/life",
          over: alice,
          auth: { for: "life" },
        });
        await alice.ask("handshake");
        await inLife.ask("handshake");
      },
    },
    {
      name: "the path works with and without the trailing slash that the client adds",
      async run(ctx) {
        const alice = await ctx.connect("alice", { manager: { addTrailingSlash: false } });
        await alice.ask("who am i");
        const bob = await ctx.connect("bob", { manager: { addTrailingSlash: true } });
        await bob.ask("who am i");
      },
    },
    {
      name: "an event that was emitted before the connection is up arrives once it is",
      async run(ctx) {
        const alice = ctx.dial("alice");
        const answer = alice.ask("echo", "buffered");
        await alice.connected();
        await answer;
      },
    },
  ],
};
