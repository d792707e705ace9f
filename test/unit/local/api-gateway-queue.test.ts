/** Routes that send to a queue, as clients and SQS see them. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { DISCONNECT_TEMPLATE, MESSAGE_TEMPLATE } from "../../../infra/constructs/line-templates.ts";
import type { ApiGatewayOptions } from "../../../infra/local/api-gateway/api-gateway.ts";
import { Chaos } from "../../../infra/local/chaos.ts";
import { createIam, type Denial } from "../../../infra/local/iam/iam.ts";
import { createMeter } from "../../../infra/local/meter.ts";
import type { PolicyStatement, RouteModel } from "../../../infra/local/model.ts";
import type { QueueSender } from "../../../infra/local/sqs/sender.ts";
import { ACCOUNT, api, route, startGateway } from "../../support/local-gateway.ts";

const QUEUE = "arn:aws:sqs:us-east-1:000000000000:Line.fifo";
const ROLE = "arn:aws:iam::000000000000:role/Demo-GatewayRole";
const MAY_SEND: PolicyStatement = { effect: "Allow", actions: ["sqs:SendMessage"], resources: [QUEUE] };

type Send = Parameters<QueueSender["send"]>;

/** SQS, which takes all that IAM lets through, or nothing. */
class FakeQueue implements QueueSender {
  readonly denials: Denial[] = [];
  refuses = false;
  onSend: (principal: Send[2]) => void = () => {};
  readonly #iam = createIam({ account: ACCOUNT, onDenied: (denial) => this.denials.push(denial) });
  readonly #sent: Send[] = [];
  readonly #waiting: { readonly count: number; readonly done: (sent: readonly Send[]) => void }[] = [];

  send(...call: Send): ReturnType<QueueSender["send"]> {
    const [queueArn, , principal] = call;
    this.onSend(principal);
    try {
      this.#iam.authorize(principal, "sqs:SendMessage", queueArn);
    } catch (error) {
      return { error: { status: 403, code: "AccessDenied", message: String(error) } };
    }
    if (this.refuses) {
      return { error: { status: 400, code: "InvalidMessageContents", message: "Invalid characters" } };
    }
    this.#sent.push(call);
    for (const { count, done } of this.#waiting) if (this.#sent.length >= count) done(this.#sent);
    return { sent: { messageId: "", md5OfBody: "" } };
  }

  /** When there are so many. */
  async sent(count: number): Promise<readonly Send[]> {
    if (this.#sent.length >= count) return this.#sent;
    return await new Promise((done) => this.#waiting.push({ count, done }));
  }

  /** Of the bodies: the kind, and the frame. */
  async told(count: number): Promise<string[]> {
    const sent = await this.sent(count);
    return sent.map(([, { body }]) => decodeURIComponent(body.replace(/^(\w) \S+ \S+ \d+ /, "$1 ")));
  }
}

let gateway: Awaited<ReturnType<typeof startGateway>> | undefined;

afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
});

function toQueue(routeKey: string, template: string, statements: readonly PolicyStatement[]): RouteModel {
  const role = { arn: ROLE, statements };
  const integration = { kind: "sqs", queueArn: QUEUE, role, template, timeoutMs: 29_000 } as const;
  return { routeKey, integration, returnsResponse: false };
}

async function start(
  options: Partial<ApiGatewayOptions> = {},
  statements: readonly PolicyStatement[] = [MAY_SEND],
) {
  const queue = new FakeQueue();
  const routes = [
    route("$connect"),
    toQueue("$default", MESSAGE_TEMPLATE, statements),
    toQueue("$disconnect", DISCONNECT_TEMPLATE, statements),
  ];
  gateway = await startGateway({ apis: [api({ routes })], queues: queue, ...options });
  const client = gateway.dial();
  await client.opened;
  return { gateway, queue, client };
}

describe("a frame", () => {
  test("becomes a message of its connection's group, and starts no function", async () => {
    const { gateway, queue, client } = await start();
    client.socket.send('42["a b"]');
    const [[queueArn, message, principal] = []] = await queue.sent(1);
    const frame = gateway.events.find((event) => event.kind === "gateway" && event.operation === "message");
    if (frame?.kind !== "gateway") throw new Error("no event");
    expect(queueArn).toBe(QUEUE);
    expect(message).toEqual({
      groupId: frame.connectionId,
      deduplicationId: expect.stringMatching(/^[\w-]{15}=$/),
      body: expect.stringMatching(/^m \S+ \S+ \d{13} 42%5B%22a\+b%22%5D$/),
    });
    expect(message?.body.split(" ").slice(1, 3)).toEqual([message?.groupId, message?.deduplicationId]);
    expect(principal).toMatchObject({ functionName: "Demo-GatewayRole", requestId: frame.cause });
    expect(frame).toMatchObject({ functionId: undefined, status: 200, body: '42["a b"]' });
    expect(gateway.lambda.invocations.map(({ event }) => event)).toHaveLength(1);
  });

  test("goes in the order in which it came, with the end of its connection behind it", async () => {
    const { queue, client } = await start();
    const frames = Array.from({ length: 200 }, (_, n) => `42["${n}"]`);
    for (const frame of frames) client.socket.send(frame);
    client.socket.close();
    expect(await queue.told(201)).toEqual([...frames.map((frame) => `m ${frame}`), "d "]);
  });

  test("is told before its message, and so is the end of its connection", async () => {
    const told: (string | undefined)[] = [];
    const { gateway, queue, client } = await start({
      onEvent: (event) => {
        if (event.kind === "gateway" && ["message", "disconnect"].includes(event.operation)) {
          told.push(event.cause);
        }
      },
    });
    const known: boolean[] = [];
    queue.onSend = ({ requestId }) => known.push(told.includes(requestId));
    client.socket.send("2");
    client.socket.close();
    await queue.sent(2);
    await gateway.gateway.drained();
    expect(known).toEqual([true, true]);
    expect(told).toHaveLength(2);
  });

  test("is one message on the bill, as a frame for a function is", async () => {
    const meter = createMeter();
    const { queue, client } = await start({ onEvent: meter.record });
    client.socket.send("2");
    await queue.sent(1);
    expect(meter.snapshot().totals.messages).toBe(1);
  });
});

describe("a message that SQS refuses", () => {
  test.each([
    ["for what it is", true, [MAY_SEND], /^InvalidMessageContents: Invalid characters$/],
    [
      "since the role may not send",
      false,
      [],
      /^AccessDenied: .*Demo-GatewayRole is not authorized.*sqs:SendMessage/,
    ],
  ])("%s ends in an error frame", async (_why, refuses, statements, said) => {
    const { gateway, queue, client } = await start({}, statements);
    queue.refuses = refuses;
    client.socket.send('42["a"]');
    expect(JSON.parse((await client.next()).text)).toEqual({
      message: "Internal server error",
      connectionId: expect.any(String),
      requestId: expect.any(String),
    });
    const frame = gateway.events.find((event) => event.kind === "gateway" && event.operation === "message");
    expect(gateway.events).toContainEqual(
      expect.objectContaining({
        operation: "integration-error",
        cause: frame?.kind === "gateway" ? frame.cause : "",
        body: expect.stringMatching(said),
      }),
    );
    expect(queue.denials).toHaveLength(refuses ? 0 : 1);
  });

  test("may also be lost in silence", async () => {
    const { gateway, queue, client } = await start({ behavior: { refusedSend: "silence" } });
    queue.refuses = true;
    client.socket.send('42["lost"]');
    client.socket.send('42["lost, too"]');
    await client.opened;
    client.socket.close();
    await client.closed;
    await gateway.gateway.drained();
    expect(client.unread).toEqual([]);
    const errors = gateway.events.filter(
      (event) => event.kind === "gateway" && event.operation === "integration-error",
    );
    // The end of the connection is refused as well.
    expect(errors).toHaveLength(3);
  });

  test("comes by chaos as well", async () => {
    const { client, queue } = await start({ chaos: new Chaos({ settings: { refuseSends: 1 } }) });
    client.socket.send('42["a"]');
    expect((await client.next()).text).toContain("Internal server error");
    expect(queue.denials).toEqual([]);
  });
});

test("sends of one connection overtake each other by chaos alone, and none is lost", async () => {
  const { queue, client } = await start({ chaos: new Chaos({ seed: 7, settings: { overlapSendsMs: 5 } }) });
  const frames = Array.from({ length: 50 }, (_, n) => `42["${n}"]`);
  for (const frame of frames) client.socket.send(frame);
  const told = await queue.told(50);
  expect(told).not.toEqual(frames.map((frame) => `m ${frame}`));
  expect([...told].sort()).toEqual(frames.map((frame) => `m ${frame}`).sort());
});

test("a send that takes longer than the integration may ends in an error frame", async () => {
  const { gateway, queue, client } = await start({
    chaos: new Chaos({ settings: { overlapSendsMs: 1_000_000_000 } }),
  });
  const slow = toQueue("$default", MESSAGE_TEMPLATE, [MAY_SEND]);
  gateway.gateway.deploy([
    api({ routes: [{ ...slow, integration: { ...slow.integration, timeoutMs: 50 } }] }),
  ]);
  client.socket.send('42["a"]');
  expect((await client.next()).text).toContain("Endpoint request timed out");
  expect(await queue.sent(0)).toEqual([]);
});
