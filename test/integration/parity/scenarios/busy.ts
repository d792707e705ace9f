import type { ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/busy";

/** Two clients in one room. */
async function pair(ctx: ScenarioContext) {
  const room = ctx.room("hall");
  const alice = await ctx.connect("alice", { nsp: NSP });
  const bob = await ctx.connect("bob", { nsp: NSP });
  for (const one of [alice, bob]) await one.ask("enter", room);
  return { room, alice, bob };
}

export const busy: ScenarioGroup = {
  title: "clients that are busy, or gone",
  scenarios: [
    {
      name: "of volatile events in one go, a client gets the first",
      covers: ["Socket#volatile"],
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        alice.emit("tick", "socket", room);
        await alice.next("tick");
        for (const one of [alice, bob]) await one.next("over");
      },
    },
    {
      name: "of volatile broadcasts in one go, each client gets the first",
      covers: ["BroadcastOperator#volatile", "Namespace#volatile"],
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        for (const kind of ["room", "others", "all"]) {
          alice.emit("tick", kind, room);
          for (const one of kind === "others" ? [bob] : [alice, bob]) await one.next("tick");
          for (const one of [alice, bob]) await one.next("over");
        }
      },
    },
    {
      name: "a volatile event behind another event is lost for who gets that one, and for nobody else",
      covers: ["Socket#volatile", "BroadcastOperator#volatile"],
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        alice.emit("tick behind", room);
        await alice.next("before");
        await bob.next("tick");
        for (const one of [alice, bob]) await one.next("over");
      },
    },
    {
      name: "a volatile event behind an acknowledgement is lost",
      covers: ["Socket#volatile"],
      async run(ctx) {
        const { alice } = await pair(ctx);
        await alice.ask("tick behind an answer");
        await alice.next("over");
      },
    },
    {
      name: "a volatile event with attachments arrives whole, with what follows",
      covers: ["Socket#volatile"],
      async run(ctx) {
        const { alice } = await pair(ctx);
        alice.emit("tick, and then more");
        await alice.next("tick");
        await alice.next("over");
      },
    },
    {
      name: "what a connection listener sends volatile is lost for the client that connects, and reaches the others",
      covers: ["Socket#volatile", "BroadcastOperator#volatile"],
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        const carol = await ctx.connect("carol", { nsp: NSP, auth: { hall: room } });
        for (const one of [alice, bob]) await one.next("came");
        for (const one of [alice, bob, carol]) await one.next("welcome");
      },
    },
    {
      name: "a handler that sends on and on sees that its client has gone",
      covers: ["Socket#connected", "Socket#disconnected", "Socket#rooms"],
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        const start = ctx.room("start");
        await alice.ask("stream", start, room);
        alice.cut();
        await alice.disconnected();
        await bob.ask("enter", start);
        await bob.next("stopped");
      },
    },
  ],
};
