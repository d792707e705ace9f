import type { ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/engine";

async function watcher(ctx: ScenarioContext) {
  const watchers = ctx.room("watchers");
  const watching = await ctx.connect("watcher", { nsp: NSP });
  await watching.ask("watch", watchers);
  return { watchers, watching };
}

const upgrade = (query: Readonly<Record<string, string>>): string =>
  new URLSearchParams({ EIO: "4", transport: "websocket", ...query }).toString();

export const engine: ScenarioGroup = {
  title: "upgrades",
  scenarios: [
    {
      name: "allowRequest refuses a connection, and connection_error tells why",
      covers: ["ServerOptions.allowRequest", "Engine#on", "Engine:connection_error"],
      async run(ctx) {
        const { watchers, watching } = await watcher(ctx);
        const alice = ctx.dial("alice", { manager: { query: { allow: "no", watchers } } });
        await alice.refused();
        await watching.next("refused");
        await ctx.raw("raw", upgrade({ allow: "no" })).refused();
      },
    },
    {
      name: "an engine middleware refuses a connection with an error",
      covers: ["Engine#use"],
      async run(ctx) {
        const raw = ctx.raw("raw", upgrade({ refuse: "engine" }));
        await raw.refused();
      },
    },
    {
      name: "what an engine middleware puts on the request is there in each event",
      covers: ["Engine#use", "Socket#request", "Engine#generateId", "Engine#upgrades", "Server#engine"],
      async run(ctx) {
        const query = { mark: "here", id: ctx.room("an id of my own") };
        const alice = await ctx.connect("alice", { nsp: NSP, manager: { query } });
        await alice.ask("request");
        await alice.ask("request");
      },
    },
    {
      name: "the handshake tells when, from where and how",
      covers: [
        "Handshake.address",
        "Handshake.issued",
        "Handshake.secure",
        "Handshake.time",
        "Handshake.url",
        "Handshake.xdomain",
        "Socket#handshake",
      ],
      async run(ctx) {
        const manager = { query: { more: "a b" }, extraHeaders: { Origin: "https://example.org" } };
        const alice = await ctx.connect("alice", { nsp: NSP, manager });
        await alice.ask("whole handshake");
        const bob = await ctx.connect("bob", { nsp: NSP });
        await bob.ask("whole handshake");
      },
    },
    {
      name: "the request tells of the upgrade",
      covers: [
        "Request#httpVersion",
        "Request#httpVersionMajor",
        "Request#httpVersionMinor",
        "Request#method",
        "Request#url",
        "Request#socket",
        "Request#connection",
        "Request#headers",
        "Conn#remoteAddress",
        "Conn#upgraded",
        "Conn#upgrading",
        "Conn#request",
      ],
      async run(ctx) {
        const manager = { extraHeaders: { "User-Agent": "parity/1" } };
        const alice = await ctx.connect("alice", { nsp: NSP, manager });
        await alice.ask("whole request");
      },
    },
    {
      name: "a page of an allowed origin connects",
      covers: ["ServerOptions.cors"],
      async run(ctx) {
        for (const origin of ["https://example.org", "https://chat.example.com"]) {
          const raw = ctx.raw(origin, upgrade({}), { Origin: origin });
          await raw.opened();
        }
      },
    },
    {
      name: "a page of another origin is refused",
      covers: ["ServerOptions.cors"],
      async run(ctx) {
        const raw = ctx.raw("raw", upgrade({}), { Origin: "https://example.net" });
        await raw.trace.next("an answer", ([kind]) => kind === "refused" || kind === "open");
      },
      differs: {
        why: "Stock leaves origins to the browser, which checks them for HTTP requests only: a client with WebSocket alone gets in from anywhere. API Gateway has WebSocket alone, so the list is checked at the upgrade.",
        expect: { raw: [["refused", 403]] },
      },
    },
  ],
};
