import { describe, expect, test } from "@jest/globals";
import { createMeter, PRICES } from "../../../infra/local/meter.ts";
import type { CloudEvent } from "../../../infra/local/model.ts";

type GatewayEvent = Extract<CloudEvent, { kind: "gateway" }>;

const read = (functionId: string, operation: string, readUnits: number): CloudEvent => ({
  kind: "dynamodb",
  at: 0,
  functionId,
  requestId: "r",
  operation,
  table: "t",
  readUnits,
  writeUnits: 0,
});
const write = (writeUnits: number): CloudEvent => ({
  kind: "dynamodb",
  at: 0,
  functionId: "Socket",
  requestId: "r",
  operation: "PutItem",
  table: "t",
  readUnits: 0,
  writeUnits,
});
const run = (durationMs: number, outcome: "ok" | "error" = "ok"): CloudEvent => ({
  kind: "lambda",
  at: 0,
  functionId: "Socket",
  requestId: "r",
  trigger: "$default",
  durationMs,
  coldStart: false,
  outcome,
});
const gateway = (
  operation: GatewayEvent["operation"],
  overrides: Partial<GatewayEvent> = {},
): CloudEvent => ({
  kind: "gateway",
  at: 0,
  connectionId: "c",
  operation,
  functionId: undefined,
  bytes: 10,
  status: 200,
  body: undefined,
  ...overrides,
});

const queue = (
  operation: Extract<CloudEvent, { kind: "sqs" }>["operation"],
  overrides: Partial<Extract<CloudEvent, { kind: "sqs" }>> = {},
): CloudEvent => ({
  kind: "sqs",
  at: 0,
  functionId: "Socket",
  requestId: "",
  operation,
  queue: "line.fifo",
  messageIds: [],
  bytes: 0,
  requests: 1,
  fifo: true,
  failures: 0,
  ...overrides,
});

describe("the meter", () => {
  test("adds up by service, function and operation", () => {
    const meter = createMeter();
    for (const event of [read("A", "Query", 1), read("A", "Query", 2.5), read("B", "GetItem", 0.5)]) {
      meter.record(event);
    }
    meter.record(run(10));
    meter.record(run(5, "error"));
    const { services, totals } = meter.snapshot();
    expect(services.dynamodb).toMatchObject({
      A: { Query: { count: 2, readUnits: 3.5 } },
      B: { GetItem: { count: 1, readUnits: 0.5 } },
    });
    expect(services.lambda).toMatchObject({
      Socket: { $default: { count: 2, durationMs: 15, failures: 1 } },
    });
    expect(totals).toMatchObject({ count: 5, readUnits: 4 });
  });

  test("counts API Gateway messages in 32 KB, both ways, delivered ones only", () => {
    const meter = createMeter();
    const messages = () => meter.snapshot().totals.messages;
    meter.record(gateway("message", { bytes: 32 * 1024 }));
    expect(messages()).toBe(1);
    meter.record(gateway("post", { bytes: 32 * 1024 + 1 }));
    expect(messages()).toBe(3);
    meter.record(gateway("post", { status: 410 }));
    for (const operation of ["connect", "get", "delete", "disconnect"] as const)
      meter.record(gateway(operation));
    expect(messages()).toBe(3);
    meter.record(gateway("message", { bytes: 0 }));
    expect(messages()).toBe(4);
    meter.record(gateway("close", { status: 1006 }));
    expect(meter.snapshot().totals.failures).toBe(1);
  });

  test("counts begun connection minutes, of open connections until now", () => {
    let now = 0;
    const meter = createMeter({ now: () => now });
    meter.record(gateway("connect", { connectionId: "a" }));
    meter.record(gateway("connect", { connectionId: "b" }));
    meter.record(gateway("connect", { connectionId: "refused", status: 403 }));
    now = 61_000;
    expect(meter.snapshot().connectionMinutes).toBe(4);
    meter.record(gateway("close", { connectionId: "a", at: 61_000 }));
    meter.record(gateway("disconnect", { connectionId: "a", at: 200_000 }));
    now = 121_000;
    expect(meter.snapshot().connectionMinutes).toBe(5);
  });

  test("estimates the bill from the list prices", () => {
    const meter = createMeter({ memoryMb: () => 512 });
    meter.record(gateway("message"));
    meter.record(gateway("post"));
    meter.record(run(2000));
    meter.record(write(3));
    meter.record(read("Socket", "Query", 2));
    const { bill } = meter.snapshot();
    expect(bill.gateway).toBeCloseTo(2e-6, 12);
    expect(bill.lambda).toBeCloseTo(0.2e-6 + PRICES.lambdaGbSecond, 12);
    expect(bill.dynamodb).toBeCloseTo(3 * 0.625e-6 + 2 * 0.125e-6, 12);
    expect(bill.total).toBeCloseTo(bill.gateway + bill.lambda + bill.dynamodb, 15);
  });

  test("counts requests to queues, empty receives apart, at the price of their kind", () => {
    const meter = createMeter();
    meter.record(queue("SendMessage", { requests: 2, bytes: 65_537 }));
    meter.record(queue("EmptyReceive"));
    meter.record(queue("DeleteMessageBatch", { failures: 1 }));
    meter.record(queue("SendMessage", { fifo: false, functionId: undefined }));
    const { services, bill } = meter.snapshot();
    expect(services.sqs).toMatchObject({
      Socket: {
        SendMessage: { count: 1, requests: 2, bytes: 65_537 },
        EmptyReceive: { count: 1, requests: 1 },
        DeleteMessageBatch: { failures: 1 },
      },
      "": { SendMessage: { count: 1 } },
    });
    expect(bill.sqs).toBeCloseTo(4 * 0.5e-6 + 0.4e-6, 12);
    expect(bill.total).toBeCloseTo(bill.sqs, 12);
  });

  test("an idle queue costs a third of a dollar a month, all of it within what is free", () => {
    const meter = createMeter();
    // Five pollers, each of which waits for 20 seconds.
    const polls = (5 * 30 * 24 * 3600) / 20;
    for (let i = 0; i < polls; i += 1000) meter.record(queue("EmptyReceive", { requests: 1000 }));
    expect(polls).toBeLessThan(1_000_000);
    expect(meter.snapshot().bill.sqs).toBeCloseTo(0.324, 3);
  });

  test("counts from a mark, also across a reset and what it has forgotten", () => {
    const meter = createMeter({ keep: 10 });
    meter.record(read("A", "Query", 1));
    const mark = meter.mark();
    meter.record(read("A", "Query", 2));
    expect(meter.since(mark).totals).toMatchObject({ count: 1, readUnits: 2 });
    expect(meter.events(mark)).toHaveLength(1);
    for (let i = 0; i < 30; i++) meter.record(write(1));
    expect(() => meter.since(mark)).toThrow(/older than what the meter keeps \(10\)/);
    expect(meter.snapshot().totals.count).toBe(32);
    meter.reset();
    expect(meter.snapshot().totals.count).toBe(0);
    const fresh = meter.mark();
    meter.record(write(1));
    expect(meter.since(fresh).totals.writeUnits).toBe(1);
  });
});
