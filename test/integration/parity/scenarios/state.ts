import type { ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/state";

export const state: ScenarioGroup = {
  title: "what a socket keeps",
  scenarios: [
    {
      name: "socket.data keeps what handlers set, change and delete",
      covers: ["Socket#data"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("get");
        await alice.ask("set", "profile", { name: "Alice", tags: ["a", { b: null }], since: 1.5 });
        await alice.ask("set", "flag", false);
        await alice.ask("set", "empty", null);
        await alice.ask("set", "odd key/§#", "");
        await alice.ask("get");
        await alice.ask("delete", "profile");
        await alice.ask("set", "flag", true);
        await alice.ask("get");
      },
    },
    {
      name: "what the connection listener puts into socket.data does not grow with each event",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        for (let n = 0; n < 3; n++) await alice.ask("get");
      },
    },
    {
      name: "a value inside socket.data may be changed in place",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("push", "one");
        await alice.ask("push", { two: 2 });
        await alice.ask("get");
      },
    },
    {
      name: "socket.data may be replaced as a whole",
      covers: ["Socket#data"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("set", "old", 1);
        await alice.ask("replace", { fresh: true });
        await alice.ask("get");
      },
    },
    {
      name: "changes to socket.data after the acknowledgement are kept too",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("change late");
        await alice.next("changed");
        await alice.ask("get");
      },
    },
    {
      name: "two events at once that set different keys both count",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await Promise.all(
          ["left", "right"].map(
            (key) => alice.socket.timeout(20_000).emitWithAck("set", key, key) as Promise<unknown>,
          ),
        );
        await alice.ask("get");
      },
    },
    {
      name: "each socket and each namespace has its own data",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        const bob = await ctx.connect("bob", { nsp: NSP });
        await alice.ask("set", "mine", "alice's");
        await bob.ask("set", "mine", "bob's");
        await alice.ask("get");
        await bob.ask("get");
      },
    },
    {
      name: "another socket sees the data with fetchSockets",
      covers: ["RemoteSocket#data", "Namespace#fetchSockets"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        const bob = await ctx.connect("bob", { nsp: NSP });
        await alice.ask("set", "mood", ["good"]);
        await bob.ask("look at", alice.id);
        await alice.ask("set", "mood", ["better"]);
        await bob.ask("look at", alice.id);
        await bob.ask("look at", "nobody");
      },
    },
    {
      name: "a property that a handler sets on the socket is there in later events",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("my name");
        await alice.ask("call me", "Alice");
        await alice.ask("my name");
        await alice.ask("call me", "Ali");
        await alice.ask("my name");
      },
    },
    {
      name: "the handshake stays the same in all events of a socket",
      covers: ["Socket#handshake"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP, auth: { token: "t" } });
        for (let n = 0; n < 3; n++) await alice.ask("is it the same handshake");
      },
    },
    {
      name: "a new connection starts with new data",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("set", "old", 1);
        await alice.ask("call me", "Alice");
        alice.socket.disconnect();
        await alice.disconnected();
        alice.socket.connect();
        await alice.connected();
        await alice.ask("get");
        await alice.ask("my name");
      },
    },
  ],
};
