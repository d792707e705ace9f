import type { Scenario, ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/emitters";
const MEMBERS = [
  "on",
  "addListener",
  "prependListener",
  "off",
  "removeListener",
  "removeAllListeners",
  "listeners",
  "rawListeners",
  "listenerCount",
  "eventNames",
  "setMaxListeners",
  "getMaxListeners",
];

function tour(of: string, prefix: string): Scenario {
  return {
    name: `listeners of ${of} are registered first or last, removed, listed and counted`,
    covers: MEMBERS.map((member) => prefix + member),
    async run(ctx) {
      const alice = await ctx.connect("alice", { nsp: NSP });
      await alice.ask("tour", of);
      await alice.ask("tour", of);
    },
  };
}

export const emitters: ScenarioGroup = {
  title: "emitters",
  scenarios: [
    tour("server", "Server#"),
    tour("namespace", "Namespace#"),
    tour("parent", "ParentNamespace#"),
    tour("engine", "Engine#"),
    tour("socket", "Socket#"),
    tour("conn", "Conn#"),
    {
      name: "a once listener may be put before the others, and stays spent",
      covers: ["Socket#prependOnceListener", "Socket#once"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        alice.emit("first");
        await alice.next("ran");
        await alice.next("ran");
        alice.emit("first");
        await alice.next("ran");
      },
    },
    {
      name: "outgoing catch-all listeners may be put first, removed and listed",
      covers: [
        "Socket#onAnyOutgoing",
        "Socket#prependAnyOutgoing",
        "Socket#offAnyOutgoing",
        "Socket#listenersAnyOutgoing",
      ],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("send out");
        await alice.next("out");
      },
    },
  ],
};
