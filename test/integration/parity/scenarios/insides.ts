import type { ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/insides";

export const insides: ScenarioGroup = {
  title: "insides",
  scenarios: [
    {
      name: "a connection is told of the packets that an event makes for it, and whether they may be compressed",
      covers: ["Conn:packetCreate", "Socket#compress", "BroadcastOperator#compress"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("create packets");
        for (const event of ["one", "two", "three", "four", "created"]) await alice.next(event);
      },
    },
    {
      name: "an operator tells which rooms and flags have been chosen",
      covers: ["BroadcastOperator#local", "Socket#local", "BroadcastOperator#volatile"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("operators");
      },
    },
    {
      name: "the namespaces of a server and of a pattern can be looked up, once they are declared by name",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("namespaces");
      },
    },
  ],
};
