import type { Client } from "../../../support/client.ts";
import type { Scenario, ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";
import type { RawClient } from "../../../support/scenario-raw.ts";

/** A raw client in the main namespace and a watcher who sees how its socket ends. */
async function watched(ctx: ScenarioContext): Promise<{ raw: RawClient; watcher: Client; room: string }> {
  const room = ctx.room("hall");
  const watcher = await ctx.connect("watcher");
  await watcher.ask("enter", room, "watcher");
  const raw = await ctx.rawConnected("raw");
  raw.send(`420${JSON.stringify(["enter", room, "raw"])}`);
  await raw.frame();
  return { raw, watcher, room };
}

async function echo(raw: RawClient): Promise<void> {
  raw.send('421["echo","marker"]');
  await raw.frame();
}

/** Bad Socket.IO: the connection is closed, and the socket has an error and a reason. */
function punished(name: string, frame: string): Scenario {
  return {
    name: `${name} closes the connection with an error`,
    async run(ctx) {
      const { raw, watcher } = await watched(ctx);
      raw.send(frame);
      await raw.closed();
      await watcher.next("fault");
      await watcher.next("leaving");
      await watcher.next("left");
    },
  };
}

/** Wrong at this moment, or no Engine.IO: the connection is closed. */
function closed(name: string, frame: string): Scenario {
  return {
    name: `${name} closes the connection`,
    async run(ctx) {
      const { raw, watcher } = await watched(ctx);
      raw.send(frame);
      await raw.closed();
      await watcher.next("leaving");
      await watcher.next("left");
    },
  };
}

function ignored(name: string, frame: string): Scenario {
  return {
    name: `${name} is ignored`,
    async run(ctx) {
      const raw = await ctx.rawConnected("raw");
      raw.send(frame);
      // Twice, since on API Gateway the frame may be handled after the first.
      await echo(raw);
      await echo(raw);
    },
  };
}

const OPEN = ["open", ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"], []] as const;
const CONNECTED = ["frame", '40{"sid":"<raw>"}'] as const;

export const packets: ScenarioGroup = {
  title: "packets",
  scenarios: [
    {
      name: "the frames of a connection, an event and its acknowledgement are the protocol's",
      async run(ctx) {
        const raw = ctx.raw("raw");
        await raw.opened();
        raw.send("40");
        await raw.frame();
        raw.send('420["echo"]');
        await raw.frame();
        raw.send('4212345["echo",1,{"a":[null]}]');
        await raw.frame();
        raw.send('42999999999999["echo"]');
        await raw.frame();
      },
    },
    {
      name: "CONNECT carries auth, and other namespaces are named in each frame",
      async run(ctx) {
        const raw = ctx.raw("raw");
        await raw.opened();
        raw.send('40/life,{"token":"t"}');
        await raw.frame();
        raw.send('42/life,0["echo","in /life"]');
        await raw.frame();
        raw.send("40/nowhere,");
        await raw.frame();
        raw.send("40/news");
        await raw.frame();
        raw.send("40");
        await raw.frame();
      },
    },
    {
      name: "binary frames of both directions are base64 text behind their header",
      async run(ctx) {
        const raw = ctx.raw("raw");
        await raw.opened();
        raw.send("40/events,");
        await raw.frame();
        raw.send('451-/events,3["echo",{"_placeholder":true,"num":0}]');
        raw.send("bAQID");
        await raw.frame();
        await raw.frame();
      },
    },
    {
      name: "leaving a namespace ends its socket and keeps the connection",
      async run(ctx) {
        const { raw, watcher } = await watched(ctx);
        raw.send("41");
        await watcher.next("leaving");
        await watcher.next("left");
        raw.send("40");
        await raw.frame();
        await echo(raw);
      },
    },
    punished("an unknown packet type", '47["echo"]'),
    punished("a packet type that is no digit", "4x"),
    {
      ...punished("a message without a packet", "4"),
      differs: {
        why: "The same end, but the text of stock's error is that of a TypeError inside its parser.",
        expect: {
          watcher: [
            ["connect"],
            ["ack", "enter"],
            ["on", "fault", "raw", "got binary data when not reconstructing a packet"],
            ["on", "leaving", "raw", "forced close", ["(own)", "hall"], true],
            ["on", "left", "raw", "forced close", [], false],
          ],
          raw: [OPEN, CONNECTED, ["frame", "430[]"], ["closed"]],
        },
      },
    },
    punished("an event with broken JSON", '42["echo"'),
    punished("an event that is no array", '42{"echo":1}'),
    punished("an event without a name", "42[]"),
    punished("an event whose name is null", "42[null]"),
    punished("an event with a reserved name", '42["disconnect"]'),
    punished("an acknowledgement that is no array", '431{"a":1}'),
    punished("a CONNECT whose auth is no object", "40[1]"),
    punished("a DISCONNECT with a payload", '41{"why":1}'),
    punished("an attachment without its packet", "bAQID"),
    punished("a binary event without a count", '45-["echo",{"_placeholder":true,"num":0}]'),
    punished("a binary event with too many attachments", '4511-["echo",{"_placeholder":true,"num":0}]'),
    closed("a second CONNECT", "40"),
    closed("a CONNECT_ERROR from a client", '44{"message":"no"}'),
    closed("an event for a namespace that the client is not in", '42/life,["echo",1]'),
    closed("an Engine.IO ping from the client", "2"),
    closed("an Engine.IO probe from the client", "2probe"),
    closed("a frame that is no Engine.IO packet", "x"),
    closed("a JSON frame without Engine.IO", '{"action":"sendmessage"}'),
    closed("an empty frame", ""),
    {
      name: "a binary frame closes the connection",
      async run(ctx) {
        const { raw, watcher } = await watched(ctx);
        raw.send(Buffer.from([1, 2, 3]));
        await raw.closed();
        // Stock reads the frame as an attachment without its packet, so the socket has an error first.
        const [, first] = await watcher.trace.next("the end of raw", () => true);
        if (first === "fault") await watcher.next("leaving");
        await watcher.next("left");
      },
      differs: {
        why: "API Gateway takes no binary frames: it closes with 1003 before a function sees it (developer guide, websocket-api-develop-binary-media-types).",
        expect: {
          watcher: [
            ["connect"],
            ["ack", "enter"],
            ["on", "leaving", "raw", "transport close", ["(own)", "hall"], true],
            ["on", "left", "raw", "transport close", [], false],
          ],
          raw: [OPEN, CONNECTED, ["frame", "430[]"], ["closed"]],
        },
      },
    },
    ignored("an Engine.IO noop", "6"),
    ignored("a pong that answers no ping", "3"),
    ignored("an Engine.IO upgrade packet", "5"),
    ignored("an Engine.IO close packet", "1"),
    ignored("an Engine.IO open packet", "0"),
    ignored("an acknowledgement that nobody asked for", '43999["x"]'),
    ignored("an acknowledgement without an id", '43["x"]'),
    ignored("an event without any payload", "42"),
    ignored("an event whose name is a number that nobody listens to", '42[5,"x"]'),
    {
      name: "an event whose name is a number reaches the listener of that name",
      async run(ctx) {
        const raw = ctx.raw("raw");
        await raw.opened();
        raw.send("40/events,");
        await raw.frame();
        raw.send('42/events,[7,"x"]');
        await raw.frame();
      },
    },
    {
      name: "an event before CONNECT closes the connection",
      async run(ctx) {
        const raw = ctx.raw("raw");
        await raw.opened();
        raw.send('42["echo","too early"]');
        await raw.closed();
      },
    },
    {
      name: "garbage before CONNECT closes the connection",
      async run(ctx) {
        const raw = ctx.raw("raw");
        await raw.opened();
        raw.send("4garbage");
        await raw.closed();
      },
    },
    {
      name: "leaving a namespace twice",
      async run(ctx) {
        const { raw, watcher } = await watched(ctx);
        raw.send("41");
        await watcher.next("leaving");
        await watcher.next("left");
        raw.send("41");
        raw.send("40/life,");
        await raw.trace.next("a frame or the end", () => true);
      },
      differs: {
        why: "Stock closes the connection. API Gateway may hand over frames in another order than they were sent, so that what comes after a DISCONNECT may have been sent before it: it is dropped.",
        expect: {
          watcher: [
            ["connect"],
            ["ack", "enter"],
            ["on", "leaving", "raw", "client namespace disconnect", ["(own)", "hall"], true],
            ["on", "left", "raw", "client namespace disconnect", [], false],
          ],
          raw: [OPEN, CONNECTED, ["frame", "430[]"], ["frame", '40/life,{"sid":"<raw#2>"}']],
        },
      },
    },
    {
      name: "an event after leaving its namespace",
      async run(ctx) {
        const { raw, watcher } = await watched(ctx);
        raw.send("41");
        await watcher.next("leaving");
        await watcher.next("left");
        raw.send('421["echo","too late"]');
        raw.send("40/life,");
        await raw.trace.next("a frame or the end", () => true);
      },
      differs: {
        why: "Stock closes the connection. API Gateway may hand over an event after a DISCONNECT that was sent later: it is dropped.",
        expect: {
          watcher: [
            ["connect"],
            ["ack", "enter"],
            ["on", "leaving", "raw", "client namespace disconnect", ["(own)", "hall"], true],
            ["on", "left", "raw", "client namespace disconnect", [], false],
          ],
          raw: [OPEN, CONNECTED, ["frame", "430[]"], ["frame", '40/life,{"sid":"<raw#2>"}']],
        },
      },
    },
    {
      name: "an acknowledgement before CONNECT",
      async run(ctx) {
        const raw = ctx.raw("raw");
        await raw.opened();
        raw.send("430[]");
        raw.send("40");
        await raw.trace.next("a frame or the end", () => true);
      },
      differs: {
        why: "Stock closes the connection. On API Gateway an acknowledgement may overtake the CONNECT that was sent before it: it is dropped.",
        expect: { raw: [OPEN, CONNECTED] },
      },
    },
    {
      name: "an event of 40 KB",
      async run(ctx) {
        const { raw, watcher } = await watched(ctx);
        raw.send(`421${JSON.stringify(["echo", "x".repeat(40_000)])}`);
        const [kind] = await raw.trace.next("a frame or the end", () => true);
        if (kind === "closed") await watcher.next("leaving");
        if (kind === "closed") await watcher.next("left");
      },
      differs: {
        why: "API Gateway takes frames of at most 32 KB and closes with 1009 (developer guide, apigateway-execution-service-websocket-limits-table).",
        expect: {
          watcher: [
            ["connect"],
            ["ack", "enter"],
            ["on", "leaving", "raw", "transport close", ["(own)", "hall"], true],
            ["on", "left", "raw", "transport close", [], false],
          ],
          raw: [OPEN, CONNECTED, ["frame", "430[]"], ["closed"]],
        },
      },
    },
  ],
};

function refusal(name: string, query: string): Scenario {
  return {
    name: `a connection ${name} is refused with a status`,
    async run(ctx) {
      await ctx.raw("raw", query).refused();
    },
  };
}

/** Stock upgrades first and closes then, so that its client sees no reason either way. */
function protocolRefusal(name: string, query: string): Scenario {
  return {
    name: `a connection ${name} is refused`,
    async run(ctx) {
      await ctx.raw("raw", query).trace.next("a refusal or the end", () => true);
    },
    differs: {
      why: "Stock answers 101 and closes the WebSocket; a $connect that is refused gets its HTTP status from API Gateway.",
      expect: { raw: [["refused", 400]] },
    },
  };
}

function transportEnd(name: string, end: (raw: RawClient) => void): Scenario {
  return {
    name: `a WebSocket that ${name} is a transport close`,
    async run(ctx) {
      const { raw, watcher } = await watched(ctx);
      end(raw);
      await raw.closed();
      await watcher.next("leaving");
      await watcher.next("left");
    },
  };
}

export const transport: ScenarioGroup = {
  title: "the WebSocket under it",
  scenarios: [
    protocolRefusal("of Engine.IO 3", "EIO=3&transport=websocket"),
    protocolRefusal("of an unknown Engine.IO", "EIO=5&transport=websocket"),
    protocolRefusal("without a protocol version", "transport=websocket"),
    refusal("without a transport", "EIO=4"),
    refusal("with an unknown transport", "EIO=4&transport=carrier-pigeon"),
    refusal("with the polling transport", "EIO=4&transport=polling"),
    refusal("with a session id that nobody gave", "EIO=4&transport=websocket&sid=unknown"),
    transportEnd("is closed with 1000", (raw) => raw.close(1000)),
    transportEnd("is closed without a code", (raw) => raw.close()),
    transportEnd("is closed with a code of its own", (raw) => raw.close(4001)),
    transportEnd("is lost without a close frame", (raw) => raw.terminate()),
  ],
};
