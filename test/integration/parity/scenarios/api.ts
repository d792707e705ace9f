import type { ScenarioGroup } from "../../../support/scenario.ts";

export const dynamicNamespaces: ScenarioGroup = {
  title: "dynamic namespaces",
  scenarios: [
    {
      name: "a name that a pattern matches is a namespace of its own, with the parent's middlewares and listeners",
      covers: ["Server#of", "ParentNamespace#on", "ParentNamespace#use"],
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
      covers: ["ParentNamespace#emit"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/dynamic-1" });
        const bob = await ctx.connect("bob", { nsp: "/dynamic-2", over: alice });
        // Answered like anybody's: its rooms are in the table, so that what another instance sends reaches it.
        await bob.ask("where");
        alice.emit("tell all", "everyone");
        await alice.next("told all");
        await bob.next("told all");
      },
    },
    {
      name: "what is sent to a room of the parent reaches that room of all its namespaces",
      covers: [
        "ParentNamespace#to",
        "ParentNamespace#in",
        "ParentNamespace#except",
        "ParentNamespace#volatile",
        "ParentNamespace#local",
        "ParentNamespace#compress",
        "ParentNamespace#timeout",
        "ParentNamespace#send",
        "ParentNamespace#write",
        "ParentNamespace#name",
      ],
      async run(ctx) {
        const room = ctx.room("r");
        const alice = await ctx.connect("alice", { nsp: "/dynamic-1" });
        const bob = await ctx.connect("bob", { nsp: "/dynamic-2" });
        const carol = await ctx.connect("carol", { nsp: "/dynamic-2" });
        for (const client of [alice, bob]) await client.ask("enter", room);
        // Answered like anybody's: its rooms are in the table, so that what follows reaches it.
        await carol.ask("where");
        await alice.ask("tell all by all ways", room);
        for (const client of [alice, bob]) {
          for (let n = 0; n < 5; n++) await client.next("told all");
        }
        await carol.next("told all");
        for (const client of [alice, bob, carol]) {
          for (let n = 0; n < 2; n++) await client.next("message");
        }
        alice.emit("tell all, volatile", room);
        for (const client of [alice, bob]) await client.next("told all");
      },
    },
    {
      name: "the sockets of all namespaces of a parent cannot be fetched together",
      covers: ["ParentNamespace#fetchSockets"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/dynamic-1" });
        await alice.ask("fetch all");
      },
    },
    {
      name: "a child may be made by hand, with the parent's listeners and its own",
      covers: ["ParentNamespace#createChild"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/made-by-hand" });
        await alice.ask("where");
        await alice.ask("its own");
        const bob = await ctx.connect("bob", { nsp: "/dynamic-1" });
        await bob.ask("where");
        bob.emit("tell all", "the one made by hand too");
        await alice.next("told all");
        await bob.next("told all");
        const eve = ctx.dial("eve", { nsp: "/made-by-hand", auth: { refuse: true } });
        await eve.refused();
      },
    },
    {
      name: "a new namespace is announced, and may be given listeners then",
      covers: ["Server:new_namespace"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/announced-1" });
        await alice.next("announced");
      },
    },
    {
      name: "a function decides by the name and the client's auth",
      covers: ["Server#of", "ParentNamespace#on"],
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
      covers: [
        "Socket#conn",
        "Socket#client",
        "Socket#request",
        "Client#conn",
        "Client#request",
        "Conn#transport",
        "Conn#protocol",
        "Conn#readyState",
        "Conn#request",
        "Request#method",
        "Request#headers",
      ],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/conn" });
        await alice.ask("about");
      },
    },
    {
      name: "conn.close() ends all its sockets, and its close listeners run after their disconnect",
      covers: ["Conn#close", "Conn#on", "Conn:close"],
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
      covers: ["Socket#disconnect", "Conn:close"],
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
      covers: ["Conn#on", "Conn:close"],
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
      covers: [
        "Namespace#allSockets",
        "BroadcastOperator#allSockets",
        "Namespace#local",
        "Namespace#compress",
        "Socket#onAnyOutgoing",
      ],
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
    {
      name: "write, socketsJoin, socketsLeave and timeout of a whole namespace",
      covers: ["Namespace#write", "Namespace#socketsJoin", "Namespace#socketsLeave", "Namespace#timeout"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/members" });
        alice.answer("question", () => ["an answer"]);
        await alice.ask("write", ctx.room("r"));
        await alice.next("message");
        await alice.ask("whole namespace", ctx.room("all"), 15_000);
        await alice.next("question");
      },
    },
  ],
};
