import type { Client } from "../../../support/client.ts";
import type { ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/rooms";

/** Clients by the rooms that they join; each join has been answered. */
async function members(ctx: ScenarioContext, rooms: Readonly<Record<string, readonly string[]>>) {
  const clients: Record<string, Client> = {};
  for (const [name, joins] of Object.entries(rooms)) {
    const client = await ctx.connect(name, { nsp: NSP });
    for (const room of joins) await client.ask("join", ctx.room(room));
    clients[name] = client;
  }
  return (name: string): Client => {
    const client = clients[name];
    if (!client) throw new Error(`no client "${name}"`);
    return client;
  };
}

/** Each of `clients` gets one more "told". */
async function told(...clients: readonly Client[]): Promise<void> {
  await Promise.all(clients.map((client) => client.next("told")));
}

/** Proves what did not arrive: a marker through each one's own room would have come after it. */
async function mark(from: Client, ...clients: readonly Client[]): Promise<void> {
  for (const client of clients) await from.ask("io.to", client.id, "marker");
  await told(...clients);
}

/** What a table key, a separator or an object key could trip over. */
const ODD_ROOMS = [
  "",
  " ",
  "#",
  "a#b",
  "a:b",
  "a|b/c,d",
  "/rooms#x",
  "__proto__",
  "constructor",
  "grüße 🌍",
  "1",
  "\u0000",
  "long ".repeat(600),
];

export const rooms: ScenarioGroup = {
  title: "rooms",
  scenarios: [
    {
      name: "io.to and io.in reach all members of a room, the sender included, and nobody else",
      covers: ["Namespace#to", "Namespace#in", "Socket#join"],
      async run(ctx) {
        const of = await members(ctx, { alice: ["red"], bob: ["red"], carol: ["blue"] });
        await of("alice").ask("io.to", ctx.room("red"), "to red");
        await told(of("alice"), of("bob"));
        await of("alice").ask("io.in", ctx.room("red"), "in red");
        await told(of("alice"), of("bob"));
        await mark(of("alice"), of("carol"));
      },
    },
    {
      name: "a room can be reached from outside",
      covers: ["Namespace#to"],
      async run(ctx) {
        const of = await members(ctx, { alice: [], bob: ["red"] });
        await of("alice").ask("io.to", ctx.room("red"), "from outside");
        await told(of("bob"));
        await of("alice").ask("socket.to", ctx.room("red"), "from outside, by socket.to");
        await told(of("bob"));
        await mark(of("bob"), of("alice"));
      },
    },
    {
      name: "socket.to and socket.in leave the sender out",
      covers: ["Socket#to", "Socket#in"],
      async run(ctx) {
        const of = await members(ctx, { alice: ["red"], bob: ["red"] });
        await of("alice").ask("socket.to", ctx.room("red"), "by socket.to");
        await told(of("bob"));
        await of("alice").ask("socket.in", ctx.room("red"), "by socket.in");
        await told(of("bob"));
        await mark(of("bob"), of("alice"));
      },
    },
    {
      name: "who is in several of the targeted rooms gets one copy",
      covers: ["BroadcastOperator#to", "BroadcastOperator#in"],
      async run(ctx) {
        const of = await members(ctx, {
          alice: ["red", "blue"],
          bob: ["blue"],
          carol: ["red", "blue", "green"],
        });
        const [red, blue] = [ctx.room("red"), ctx.room("blue")];
        await of("alice").ask("io.to", [red, blue, red], "as an array");
        await told(of("alice"), of("bob"), of("carol"));
        await of("alice").ask("io chain", red, blue, "as a chain");
        await told(of("alice"), of("bob"), of("carol"));
        await of("alice").ask("socket.to", [red, blue], "without the sender");
        await told(of("bob"), of("carol"));
        await mark(of("bob"), of("alice"), of("carol"));
        await mark(of("alice"), of("bob"));
      },
    },
    {
      name: "except takes rooms, lists of rooms and socket ids out",
      covers: ["BroadcastOperator#except"],
      async run(ctx) {
        const of = await members(ctx, { alice: ["red"], bob: ["red", "quiet"], carol: ["red", "busy"] });
        const [red, quiet, busy] = [ctx.room("red"), ctx.room("quiet"), ctx.room("busy")];
        await of("alice").ask("io.to.except", red, quiet, "not quiet");
        await told(of("alice"), of("carol"));
        await of("alice").ask("io.to.except", red, [quiet, busy], "neither quiet nor busy");
        await told(of("alice"));
        await of("alice").ask("io.to.except", red, of("carol").id, "not carol");
        await told(of("alice"), of("bob"));
        await of("alice").ask("socket.to.except", red, quiet, of("carol").id, "for nobody");
        await of("alice").ask("socket.to.except", red, quiet, ctx.room("nobody"), "for carol");
        await told(of("carol"));
        await of("alice").ask("io.to.except", red, red, "except itself: for nobody");
        await mark(of("alice"), of("alice"), of("bob"), of("carol"));
      },
    },
    {
      name: "an operator can be used again and is not changed by what is built from it",
      covers: ["BroadcastOperator#to", "BroadcastOperator#except"],
      async run(ctx) {
        const of = await members(ctx, { alice: ["red"], bob: ["blue"] });
        await of("alice").ask("reused operator", ctx.room("red"), ctx.room("blue"));
        await told(of("alice"));
        await told(of("alice"));
        await mark(of("alice"), of("bob"));
      },
    },
    {
      name: "a room that nobody is in takes events and gives them to nobody",
      async run(ctx) {
        const of = await members(ctx, { alice: [] });
        await of("alice").ask("io.to", ctx.room("empty"), "for nobody");
        await of("alice").ask("socket.to", [], "for no room: everybody else");
        await mark(of("alice"), of("alice"));
      },
    },
    {
      name: "a socket is in the room of its own id",
      covers: ["Socket#rooms", "Socket#id"],
      async run(ctx) {
        const of = await members(ctx, { alice: [], bob: [] });
        await of("alice").ask("rooms");
        await of("alice").ask("io.to", of("bob").id, "for bob");
        await told(of("bob"));
        await of("alice").ask("socket.to", of("bob").id, "for bob, by socket.to");
        await told(of("bob"));
        await of("alice").ask("socket.to", of("alice").id, "for alice from herself: for nobody");
        await mark(of("bob"), of("alice"));
      },
    },
    {
      name: "socket.rooms shows joins and leaves at once and keeps them between events",
      covers: ["Socket#rooms", "Socket#join", "Socket#leave"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("join", "red");
        await alice.ask("join", ["blue", "green", "red"]);
        await alice.ask("join", []);
        await alice.ask("rooms");
        await alice.ask("leave", "red");
        await alice.ask("leave", "never joined");
        await alice.ask("leave", ["blue"]);
        await alice.ask("leave", ["blue", "green"]);
        await alice.ask("rooms");
        await alice.ask("join", "red");
        await alice.ask("rooms");
      },
    },
    {
      name: "after leaving nothing of the room arrives, and coming back works",
      covers: ["Socket#leave"],
      async run(ctx) {
        const of = await members(ctx, { alice: ["red"], bob: ["red"] });
        const red = ctx.room("red");
        await of("bob").ask("leave", red);
        await of("alice").ask("io.to", red, "bob is out");
        await told(of("alice"));
        await mark(of("alice"), of("bob"));
        await of("bob").ask("join", red);
        await of("alice").ask("io.to", red, "bob is back");
        await told(of("alice"), of("bob"));
      },
    },
    {
      name: "joining twice makes one copy, and leaving once is enough",
      covers: ["Socket#join", "Socket#leave"],
      async run(ctx) {
        const of = await members(ctx, { alice: [], bob: ["red", "red"] });
        const red = ctx.room("red");
        await of("alice").ask("io.to", red, "one copy");
        await told(of("bob"));
        await of("bob").ask("leave", red);
        await of("alice").ask("io.to", red, "no copy");
        await mark(of("alice"), of("bob"));
      },
    },
    {
      name: "a socket that leaves its own room is reached by socket.emit only",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("to myself");
        await alice.next("direct");
        await alice.next("by own room");
        await alice.ask("leave", alice.id);
        await alice.ask("to myself");
        await alice.next("direct");
        await alice.ask("join", alice.id);
        await alice.ask("to myself");
        await alice.next("direct");
        await alice.next("by own room");
      },
    },
    {
      name: "room names may be empty, odd or very long, and do not touch each other",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        const bob = await ctx.connect("bob", { nsp: NSP });
        for (const name of ODD_ROOMS) await alice.ask("join", ctx.room(name));
        for (const name of ODD_ROOMS) {
          await bob.ask("io.to", ctx.room(name), `to ${name.slice(0, 20)}`);
          await told(alice);
        }
        for (const name of ODD_ROOMS) await alice.ask("leave", ctx.room(name));
        for (const name of ODD_ROOMS) await bob.ask("io.to", ctx.room(name), "after leaving");
        await mark(bob, alice);
      },
    },
    {
      name: "exactly the odd names are rooms, the empty one too",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        for (const name of ODD_ROOMS.slice(0, -1)) {
          await alice.ask("join", name);
          await alice.ask("io.to", name, "to it");
          await told(alice);
          await alice.ask("leave", name);
        }
        await alice.ask("rooms");
      },
    },
    {
      name: "names that differ only in case, spaces or accents are different rooms",
      async run(ctx) {
        const of = await members(ctx, {
          alice: ["Red"],
          bob: ["red"],
          carol: ["red "],
          dora: ["réd"],
          eve: ["re\u0301d"],
        });
        await of("alice").ask("io.to", ctx.room("red"), "for bob");
        await told(of("bob"));
        await of("alice").ask("io.to", ctx.room("réd"), "for dora");
        await told(of("dora"));
        await mark(of("alice"), of("alice"), of("bob"), of("carol"), of("dora"), of("eve"));
      },
    },
    {
      name: "a new connection of the same client has none of the old rooms",
      async run(ctx) {
        const of = await members(ctx, { alice: ["red"], bob: ["red"] });
        of("bob").socket.disconnect();
        await of("bob").disconnected();
        of("bob").socket.connect();
        await of("bob").connected();
        await of("bob").ask("rooms");
        await of("alice").ask("io.to", ctx.room("red"), "bob forgot it");
        await told(of("alice"));
        await mark(of("alice"), of("bob"));
      },
    },
  ],
};

async function guests(ctx: ScenarioContext, ...names: readonly string[]): Promise<readonly Client[]> {
  const clients: Client[] = [];
  for (const name of names) {
    const client = await ctx.connect(name, { nsp: "/everyone" });
    await client.ask("enter", ctx.room("party"), name);
    clients.push(client);
  }
  return clients;
}

async function pick3(ctx: ScenarioContext) {
  const [alice, bob, carol] = await guests(ctx, "alice", "bob", "carol");
  if (!alice || !bob || !carol) throw new Error("three clients were asked for");
  return { alice, bob, carol };
}

export const everyone: ScenarioGroup = {
  title: "everyone in a namespace",
  scenarios: [
    {
      name: "emitting to a namespace reaches everyone, the sender included",
      covers: ["Namespace#emit", "Server#of"],
      async run(ctx) {
        const { alice, bob, carol } = await pick3(ctx);
        await alice.ask("nsp.emit", "by nsp.emit");
        await told(alice, bob, carol);
        await alice.ask("io.of.emit", "by io.of.emit");
        await told(alice, bob, carol);
      },
    },
    {
      name: "socket.broadcast reaches everyone else",
      covers: ["Socket#broadcast"],
      async run(ctx) {
        const { alice, bob, carol } = await pick3(ctx);
        await alice.ask("broadcast", "by alice");
        await told(bob, carol);
        await bob.ask("nsp.emit", "marker");
        await told(alice, bob, carol);
      },
    },
    {
      name: "socket.broadcast.to is socket.to",
      covers: ["Socket#broadcast", "BroadcastOperator#to"],
      async run(ctx) {
        const { alice, bob, carol } = await pick3(ctx);
        await alice.ask("broadcast.to", bob.id, "for bob");
        await told(bob);
        await alice.ask("nsp.emit", "marker");
        await told(alice, bob, carol);
      },
    },
    {
      name: "except alone takes a room out of everyone",
      covers: ["Namespace#except", "Socket#except"],
      async run(ctx) {
        const { alice, bob, carol } = await pick3(ctx);
        await alice.ask("except", bob.id, "not bob");
        await told(alice, carol);
        await alice.ask("socket.except", bob.id, "neither bob nor the sender");
        await told(carol);
        await alice.ask("nsp.emit", "marker");
        await told(alice, bob, carol);
      },
    },
    {
      name: "send to a namespace is the event called message",
      covers: ["Namespace#send"],
      async run(ctx) {
        const { alice, bob, carol } = await pick3(ctx);
        await bob.ask("send", "hello");
        await Promise.all([alice, bob, carol].map((client) => client.next("message")));
      },
    },
    {
      name: "a namespace can be emptied",
      covers: ["Namespace#disconnectSockets"],
      async run(ctx) {
        const { alice, bob, carol } = await pick3(ctx);
        alice.emit("close down");
        await Promise.all([alice, bob, carol].map((client) => client.disconnected()));
      },
    },
    {
      name: "connect is another name of the connection event",
      covers: ["Namespace:connect"],
      async run(ctx) {
        const [alice] = await guests(ctx, "alice");
        await alice?.ask("registered by connect");
      },
    },
    {
      name: "everyone can be listed",
      covers: ["Namespace#fetchSockets", "RemoteSocket#data"],
      async run(ctx) {
        const { alice } = await pick3(ctx);
        await alice.ask("who", ctx.room("party"));
      },
    },
  ],
};
