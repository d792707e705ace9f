import type { Client } from "../../../support/client.ts";
import type { ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

async function party(ctx: ScenarioContext, rooms: Readonly<Record<string, readonly string[]>>) {
  const clients = new Map<string, Client>();
  for (const [name, joins] of Object.entries(rooms)) {
    const client = await ctx.connect(name, { nsp: "/peers", auth: { token: `token of ${name}` } });
    await client.ask(
      "enter",
      joins.map((room) => ctx.room(room)),
      name,
    );
    clients.set(name, client);
  }
  return (name: string): Client => {
    const client = clients.get(name);
    if (!client) throw new Error(`no client "${name}"`);
    return client;
  };
}

export const peers: ScenarioGroup = {
  title: "other sockets",
  scenarios: [
    {
      name: "fetchSockets shows id, rooms, data and handshake",
      covers: [
        "BroadcastOperator#fetchSockets",
        "RemoteSocket#id",
        "RemoteSocket#rooms",
        "RemoteSocket#data",
        "RemoteSocket#handshake",
      ],
      async run(ctx) {
        const of = await party(ctx, { alice: ["red"], bob: ["red", "blue"], carol: ["blue"] });
        await of("carol").ask("list", ctx.room("red"));
        await of("carol").ask("list", ctx.room("blue"));
      },
    },
    {
      name: "fetchSockets and allSockets give the sockets in order of connecting",
      covers: ["BroadcastOperator#fetchSockets", "BroadcastOperator#allSockets"],
      async run(ctx) {
        const names = ["ada", "bob", "carol", "dan", "eve", "fred"];
        const of = await party(ctx, Object.fromEntries(names.map((name) => [name, ["red"]])));
        await of("carol").ask("names in order", ctx.room("red"));
      },
    },
    {
      name: "fetchSockets follows rooms and exceptions",
      covers: ["BroadcastOperator#fetchSockets", "BroadcastOperator#except"],
      async run(ctx) {
        const of = await party(ctx, { alice: ["red"], bob: ["red", "blue"], carol: ["blue"] });
        const [red, blue] = [ctx.room("red"), ctx.room("blue")];
        await of("alice").ask("names", red, []);
        await of("alice").ask("names", blue, []);
        await of("alice").ask("names", red, [blue]);
        await of("alice").ask("names", red, [of("alice").id]);
        await of("alice").ask("names", ctx.room("nobody"), []);
        await of("alice").ask("names", of("carol").id, []);
        await of("alice").ask("others", red);
      },
    },
    {
      name: "fetchSockets sees what the same handler has just joined and left",
      async run(ctx) {
        const of = await party(ctx, { alice: [], bob: ["red"] });
        await of("alice").ask("join and list", ctx.room("red"));
      },
    },
    {
      name: "who is gone is not listed any more",
      async run(ctx) {
        const of = await party(ctx, { alice: ["red"], bob: ["red"] });
        await of("bob").ask("names", ctx.room("red"), []);
        await of("alice").ask("remote end", of("bob").id, false);
        await of("bob").disconnected();
        await of("alice").ask("names", ctx.room("red"), []);
      },
    },
    {
      name: "socketsJoin moves all members of a room, and an emit right after it reaches them",
      covers: ["BroadcastOperator#socketsJoin"],
      async run(ctx) {
        const of = await party(ctx, { alice: [], bob: ["red"], carol: ["red"] });
        await of("alice").ask("move", ctx.room("red"), ctx.room("blue"));
        await of("bob").next("moved");
        await of("carol").next("moved");
        await of("alice").ask("names", ctx.room("blue"), []);
        await of("alice").ask("names", ctx.room("red"), []);
        await of("alice").ask("tell", ctx.room("blue"), "marker");
        await of("bob").next("told");
        await of("carol").next("told");
      },
    },
    {
      name: "a socket that was moved knows its new rooms in its next event",
      covers: ["BroadcastOperator#socketsJoin", "BroadcastOperator#socketsLeave", "Socket#rooms"],
      async run(ctx) {
        const of = await party(ctx, { alice: [], bob: [] });
        await of("alice").ask("move", of("bob").id, "zz 1");
        await of("bob").next("moved");
        await of("alice").ask("remove", of("bob").id, of("bob").id);
        await of("bob").ask("rooms");
      },
    },
    {
      name: "socketsLeave takes rooms away",
      covers: ["BroadcastOperator#socketsLeave"],
      async run(ctx) {
        const of = await party(ctx, { alice: ["blue"], bob: ["red", "blue"], carol: ["red", "blue"] });
        await of("alice").ask("remove", ctx.room("red"), [ctx.room("blue"), ctx.room("never joined")]);
        await of("alice").ask("names", ctx.room("blue"), []);
        await of("alice").ask("tell", ctx.room("blue"), "alice alone");
        await of("alice").next("told");
        await of("alice").ask("tell", ctx.room("red"), "marker");
        await of("bob").next("told");
        await of("carol").next("told");
      },
    },
    {
      name: "socket.to moves the others only",
      async run(ctx) {
        const of = await party(ctx, { alice: ["red"], bob: ["red"] });
        await of("alice").ask("move others", ctx.room("red"), ctx.room("blue"));
        await of("alice").ask("names", ctx.room("blue"), []);
      },
    },
    {
      name: "a fetched socket can be emitted to, moved and looked at",
      covers: [
        "RemoteSocket#emit",
        "RemoteSocket#join",
        "RemoteSocket#leave",
        "RemoteSocket#id",
        "RemoteSocket#data",
      ],
      async run(ctx) {
        const of = await party(ctx, { alice: [], bob: [] });
        await of("alice").ask("remote", of("bob").id, ctx.room("new"));
        await of("bob").next("told");
        await of("bob").next("told");
        await of("alice").ask("tell", of("bob").id, "marker");
        await of("bob").next("told");
      },
    },
    {
      name: "a fetched socket can be disconnected",
      covers: ["RemoteSocket#disconnect"],
      async run(ctx) {
        const of = await party(ctx, { alice: [], bob: [], carol: [] });
        await of("alice").ask("remote end", of("bob").id, false);
        await of("bob").disconnected();
        await of("alice").ask("remote end", of("carol").id, true);
        await of("carol").disconnected();
      },
    },
  ],
};
