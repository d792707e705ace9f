import type { ScenarioGroup } from "../../../support/scenario.ts";

export const dynamicNamespaces: ScenarioGroup = {
  title: "dynamic namespaces",
  scenarios: [
    {
      name: "a name that a pattern matches is a namespace of its own, with the parent's middlewares and listeners",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/dynamic-1" });
        const bob = await ctx.connect("bob", { nsp: "/dynamic-2" });
        await alice.ask("where");
        await bob.ask("where");
        alice.emit("tell", "one");
        await alice.next("told");
        await bob.ask("outside", "/dynamic-1");
        await alice.next("told from outside");
        const eve = ctx.dial("eve", { nsp: "/dynamic-3", auth: { refuse: true } });
        await eve.refused();
        const lost = ctx.dial("lost", { nsp: "/dynamic-x" });
        await lost.refused();
      },
    },
    {
      name: "what the parent emits reaches the clients of all its namespaces",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/dynamic-1" });
        const bob = await ctx.connect("bob", { nsp: "/dynamic-2", over: alice });
        alice.emit("tell all", "everyone");
        await alice.next("told all");
        await bob.next("told all");
      },
    },
    {
      name: "a function decides by the name and the client's auth",
      async run(ctx) {
        // Stock asks once for each name: who connects to a name that exists already is let in without being asked about.
        const nsp = ctx.room("/tenant/7");
        const auth: Record<string, unknown> = { key: "wrong" };
        const alice = ctx.dial("alice", { nsp, auth });
        await alice.refused();
        auth.key = "right";
        alice.socket.connect();
        await alice.connected();
        await alice.ask("where");
        await alice.ask("where");
      },
    },
  ],
};

export const connections: ScenarioGroup = {
  title: "the connection under a socket",
  scenarios: [
    {
      name: "it tells of its transport and the request",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/conn" });
        await alice.ask("about");
      },
    },
    {
      name: "conn.close() ends all its sockets, and its close listeners run after their disconnect",
      async run(ctx) {
        const watchers = ctx.room("watchers");
        const bob = await ctx.connect("bob", { nsp: "/conn" });
        await bob.ask("watch", watchers);
        const alice = await ctx.connect("alice", { nsp: "/conn", auth: { watchers } });
        alice.emit("close me");
        await alice.next("before the end");
        await alice.disconnected();
        await bob.next("disconnected");
        await bob.next("closed");
      },
    },
    {
      name: "disconnect(true) closes it",
      async run(ctx) {
        const watchers = ctx.room("watchers");
        const bob = await ctx.connect("bob", { nsp: "/conn" });
        await bob.ask("watch", watchers);
        const alice = await ctx.connect("alice", { nsp: "/conn", auth: { watchers } });
        alice.emit("end me");
        await alice.disconnected();
        await bob.next("disconnected");
        await bob.next("closed");
      },
    },
    {
      name: "its close listeners run when the client leaves",
      async run(ctx) {
        const watchers = ctx.room("watchers");
        const bob = await ctx.connect("bob", { nsp: "/conn" });
        await bob.ask("watch", watchers);
        const alice = await ctx.connect("alice", { nsp: "/conn", auth: { watchers } });
        alice.socket.disconnect();
        await alice.disconnected();
        await bob.next("disconnected");
        await bob.next("closed");
      },
    },
  ],
};

export const members: ScenarioGroup = {
  title: "members rarely used",
  scenarios: [
    {
      name: "allSockets, local, compress, nsp.sockets and onAnyOutgoing of broadcasts",
      async run(ctx) {
        const room = ctx.room("r");
        const alice = await ctx.connect("alice", { nsp: "/members" });
        await alice.ask("all", room);
        await alice.ask("outgoing", room);
        await alice.next("to my room");
        await alice.next("to me");
        await alice.ask("mine");
        alice.emit("local", room);
        await alice.next("local");
        await alice.next("uncompressed");
      },
    },
  ],
};
