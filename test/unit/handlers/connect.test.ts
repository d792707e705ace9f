import { describe, expect, test } from "@jest/globals";
import type { LambdaEvent } from "../../../lambdas/handlers/lambda-event.ts";
import { handleConnect } from "../../../lambdas/handlers/upgrade.ts";
import type { ServerOptions } from "../../../lambdas/server/api/index.ts";
import { type FakePorts, fakePorts, serverOf } from "../../support/fake-ports.ts";

type Connect = Extract<LambdaEvent, { kind: "connect" }>;

const CONNECTION = "TXzPWdnOjoECGjA=";

const connectEvent = (
  headers: Record<string, string> = {},
  query: Connect["query"] = { EIO: "4", transport: "websocket" },
): Connect => ({
  kind: "connect",
  connectionId: CONNECTION,
  connectedAt: 1_800_000_000_000,
  stage: "prod",
  sourceIp: "185.69.197.15",
  headers: new Map(Object.entries(headers)),
  query,
});

async function connect(
  event: Connect,
  options: ServerOptions = {},
  ports: FakePorts = fakePorts(),
): Promise<{ answer: Awaited<ReturnType<typeof handleConnect>>; ports: FakePorts; handshake: unknown }> {
  const server = serverOf(() => undefined, options);
  const answer = await handleConnect({ server, ports, deadline: ports.clock.now() + 27_000 }, event);
  const { connection } = await ports.store.readConnection(CONNECTION);
  return { answer, ports, handshake: connection && JSON.parse(connection.handshake) };
}

test("keeps what the handshake shows, and has the open packet posted with the session id it kept", async () => {
  const event = connectEvent(
    {
      origin: "https://site",
      "user-agent": "test/1",
      "sec-websocket-key": "secret",
      "x-forwarded-proto": "https",
    },
    { EIO: "4", transport: "websocket", tag: ["a", "b c"], empty: "" },
  );
  const { answer, ports, handshake } = await connect(event);
  expect(answer).toEqual({ statusCode: 200 });
  expect(handshake).toEqual({
    headers: { origin: "https://site", "user-agent": "test/1", "x-forwarded-proto": "https" },
    address: "185.69.197.15",
    xdomain: true,
    secure: true,
    url: "/prod/?EIO=4&transport=websocket&tag=a&tag=b%20c&empty=",
    query: { EIO: "4", transport: "websocket", tag: "b c", empty: "" },
  });
  const { connection } = await ports.store.readConnection(CONNECTION);
  expect(ports.started).toEqual([{ task: "open", connectionId: CONNECTION, sid: connection?.sid }]);
  expect(connection?.sid).toMatch(/^[\w-]{20}$/);
  // API Gateway would answer 410: the connection exists only once $connect has returned.
  expect(ports.gateway.posts).toEqual([]);
});

test("starts the open packet's task without waiting for the row, to be the sooner open", async () => {
  const ports = fakePorts();
  let written = (): void => undefined;
  const row = new Promise<void>((resolve) => {
    written = resolve;
  });
  const slow = { ...ports, store: { ...ports.store, putConnection: () => row } };
  const connecting = connect(connectEvent(), {}, slow);
  await ports.clock.turn();
  expect(ports.started).toHaveLength(1);
  written();
  await connecting;
});

test("is refused where its open packet has been given up meanwhile: the client comes again at once", async () => {
  const ports = fakePorts();
  const started = (ms: number) => ({ ...ports, tasks: { start: () => ports.clock.sleep(ms) } });
  expect((await connect(connectEvent(), {}, started(2_900))).answer).toEqual({ statusCode: 200 });
  expect((await connect(connectEvent(), {}, started(3_000))).answer).toEqual({ statusCode: 503 });
});

describe("Engine.IO's checks", () => {
  test.each([
    ["no query", {}, 400, { code: 0, message: "Transport unknown" }],
    ["polling", { EIO: "4", transport: "polling" }, 400, { code: 0, message: "Transport unknown" }],
    [
      "a list of transports whose last is none of ours",
      { EIO: "4", transport: ["websocket", "polling"] },
      400,
      { code: 0, message: "Transport unknown" },
    ],
    [
      "Engine.IO 3",
      { EIO: "3", transport: "websocket" },
      400,
      { code: 5, message: "Unsupported protocol version" },
    ],
    ["no EIO", { transport: "websocket" }, 400, { code: 5, message: "Unsupported protocol version" }],
    [
      "a session that began elsewhere",
      { EIO: "4", transport: "websocket", sid: "x" },
      400,
      { code: 1, message: "Session ID unknown" },
    ],
  ])("refuse %s, and leave nothing behind", async (_, query, statusCode, body) => {
    const { answer, ports, handshake } = await connect(connectEvent({}, query));
    expect(answer.statusCode).toBe(statusCode);
    expect(JSON.parse(answer?.body ?? "")).toEqual(body);
    expect([handshake, ports.started]).toEqual([undefined, []]);
  });

  test.each<[string, ServerOptions["cors"], boolean]>([
    ["no rule", undefined, true],
    ["true", { origin: true }, true],
    ["an asterisk", { origin: "*" }, true],
    ["false", { origin: false }, false],
    ["this origin", { origin: "https://site" }, true],
    ["another origin", { origin: "https://other" }, false],
    ["a pattern that fits", { origin: /^https:\/\/si/ }, true],
    ["a pattern that does not", { origin: /other/ }, false],
    ["a list with it", { origin: ["https://other", /site$/] }, true],
    ["a list without it", { origin: ["https://other", /other/] }, false],
    ["an empty list", { origin: [] }, false],
  ])("with %s as rule decide about a page's origin", async (_, cors, allowed) => {
    const { answer } = await connect(connectEvent({ origin: "https://site" }), cors ? { cors } : {});
    expect(answer.statusCode).toBe(allowed ? 200 : 403);
    // Programs send none.
    expect((await connect(connectEvent(), cors ? { cors } : {})).answer).toEqual({ statusCode: 200 });
  });
});

describe("the budget for headers", () => {
  const dropped = ({ logged }: FakePorts): string[] =>
    logged.filter(([code]) => code === "SKY_HEADER_DROPPED").map(([, message]) => message);

  test("takes the named ones in their order, and says which did not fit", async () => {
    const { ports, handshake } = await connect(
      connectEvent({ cookie: "c".repeat(1_500), authorization: "a".repeat(1_000), host: "h" }),
    );
    expect(handshake).toMatchObject({ headers: { cookie: "c".repeat(1_500), host: "h" } });
    expect(handshake).not.toHaveProperty("headers.authorization");
    expect(dropped(ports)).toEqual([
      expect.stringMatching(
        /^the header authorization \(1013 bytes\) is not kept: 2048 bytes .* handshakeHeaders/,
      ),
    ]);
  });

  test("counts bytes, not characters, up to the last one", async () => {
    const exactly = "é".repeat((2_048 - "x-name".length) / 2);
    const options = { handshakeHeaders: ["X-Name"] };
    const fits = await connect(connectEvent({ "x-name": exactly }), options);
    expect([fits.handshake, dropped(fits.ports)]).toMatchObject([{ headers: { "x-name": exactly } }, []]);
    const over = await connect(connectEvent({ "x-name": `${exactly}.` }), options);
    expect(over.handshake).toHaveProperty("headers", {});
    expect(dropped(over.ports)).toHaveLength(1);
  });

  test("keeps nothing that was not named", async () => {
    const { handshake } = await connect(connectEvent({ cookie: "c", "x-secret": "s" }), {
      handshakeHeaders: ["host"],
    });
    expect(handshake).toHaveProperty("headers", {});
  });
});

test.each([
  ["chat.v1, token.abc", "chat.v1"],
  ["chat", "chat"],
  ["", undefined],
  [undefined, undefined],
])("of the subprotocols %j that a client offers, the first is answered", async (offered, spoken) => {
  const headers = offered === undefined ? {} : { "sec-websocket-protocol": offered };
  const { answer } = await connect(connectEvent(headers));
  expect(answer.headers).toEqual(spoken === undefined ? undefined : { "Sec-WebSocket-Protocol": spoken });
});
