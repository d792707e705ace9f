/** Counts what AWS would bill for everything that happened in the local cloud, by function and operation. */
import type { CloudEvent } from "./model.ts";

/**
 * List prices in USD, us-east-1, without free tiers and volume discounts.
 * @see https://aws.amazon.com/api-gateway/pricing/
 * @see https://aws.amazon.com/lambda/pricing/
 * @see https://aws.amazon.com/dynamodb/pricing/on-demand/
 * @see https://aws.amazon.com/sqs/pricing/
 */
export const PRICES = {
  /** Per message of up to 32 KB, in either direction. */
  gatewayMessage: 1.0 / 1e6,
  gatewayConnectionMinute: 0.25 / 1e6,
  lambdaRequest: 0.2 / 1e6,
  /** Per GB-second on arm64. */
  lambdaGbSecond: 0.0000133334,
  dynamodbWriteUnit: 0.625 / 1e6,
  dynamodbReadUnit: 0.125 / 1e6,
  /** Per request of up to 64 KB, empty receives included; the first million of a month is free. */
  sqsRequest: 0.4 / 1e6,
  sqsFifoRequest: 0.5 / 1e6,
} as const;

/** API Gateway meters WebSocket messages in 32 KB increments. @see https://aws.amazon.com/api-gateway/pricing/ */
const MESSAGE_METER_BYTES = 32 * 1024;
/** What a function has when nobody says otherwise. */
const DEFAULT_MEMORY_MB = 128;

export interface OperationTotals {
  readonly count: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly durationMs: number;
  readonly coldStarts: number;
  /** Runs that ended otherwise than ok, or answers of 400 and above. */
  readonly failures: number;
  /** Metered messages of API Gateway: more than one where a body is over 32 KB. */
  readonly messages: number;
  readonly bytes: number;
  /** Metered requests of SQS: more than one where a payload is over 64 KB. */
  readonly requests: number;
}

export interface Bill {
  readonly gateway: number;
  readonly lambda: number;
  readonly dynamodb: number;
  readonly sqs: number;
  /** USD. */
  readonly total: number;
}

export interface MeterSnapshot {
  /** `service` → function's logical id ("" where there is none) → operation or trigger. */
  readonly services: Readonly<
    Record<CloudEvent["kind"], Readonly<Record<string, Readonly<Record<string, OperationTotals>>>>>
  >;
  /** Minutes of all connections, each begun minute counted, of those that are still open as well. */
  readonly connectionMinutes: number;
  /** All of `services` taken together. */
  readonly totals: OperationTotals;
  /** USD. */
  readonly bill: Bill;
}

/** A moment to count from. */
export interface Mark {
  readonly index: number;
  readonly at: number;
}

export interface Meter {
  /** Counts one event; hand it to the services as their listener. */
  readonly record: (event: CloudEvent) => void;
  /** Everything since the start or the last reset. */
  snapshot(): MeterSnapshot;
  reset(): void;
  mark(): Mark;
  /** Everything that was recorded after `mark`. Connection minutes are those of connections that began after it. */
  since(mark: Mark): MeterSnapshot;
  /** The events themselves after `mark`, oldest first; without one all that are kept. */
  events(mark?: Mark): readonly CloudEvent[];
}

export interface MeterOptions {
  /** Memory of a function in MB, for Lambda's GB-seconds. @default 128 for each */
  readonly memoryMb?: (functionId: string) => number;
  /** Milliseconds since the epoch, for the connections that are still open. @default Date.now */
  readonly now?: () => number;
  /** How many times faster than on AWS the gateway's clock runs. @default 1 */
  readonly timeScale?: number;
  /** Events kept for `since` and `events`; older ones are still in `snapshot`. @default 100,000 */
  readonly keep?: number;
}

export function createMeter(options: MeterOptions = {}): Meter {
  const keep = options.keep ?? 100_000;
  const now = options.now ?? Date.now;
  let all = new Tally(options);
  let events: CloudEvent[] = [];
  /** How many events were dropped from the front of `events`. */
  let dropped = 0;
  const after = (mark: Mark | undefined): CloudEvent[] => {
    if (mark !== undefined && mark.index < dropped) {
      throw new RangeError(
        `The mark is ${dropped - mark.index} events older than what the meter keeps (${keep}); take a later one or raise "keep".`,
      );
    }
    return events.slice(Math.max(0, (mark?.index ?? 0) - dropped));
  };
  return {
    record(event) {
      all.add(event);
      events.push(event);
      // In large steps: moving the whole list for each event would cost more than what is counted.
      if (events.length >= 2 * keep) {
        dropped += events.length - keep;
        events = events.slice(-keep);
      }
    },
    snapshot: () => all.snapshot(now()),
    reset() {
      dropped += events.length;
      events = [];
      all = new Tally(options);
    },
    mark: () => ({ index: dropped + events.length, at: now() }),
    since(mark) {
      const tally = new Tally(options);
      for (const event of after(mark)) tally.add(event);
      return tally.snapshot(now());
    },
    events: after,
  };
}

const NOTHING: OperationTotals = {
  count: 0,
  readUnits: 0,
  writeUnits: 0,
  durationMs: 0,
  coldStarts: 0,
  failures: 0,
  messages: 0,
  bytes: 0,
  requests: 0,
};

class Tally {
  readonly #memoryMb: (functionId: string) => number;
  readonly #timeScale: number;
  readonly #services: Record<CloudEvent["kind"], Map<string, Map<string, OperationTotals>>> = {
    dynamodb: new Map(),
    gateway: new Map(),
    lambda: new Map(),
    sqs: new Map(),
  };
  readonly #openSince = new Map<string, number>();
  #closedMinutes = 0;
  #gbSeconds = 0;
  #sqs = 0;

  constructor({ memoryMb = () => DEFAULT_MEMORY_MB, timeScale = 1 }: MeterOptions) {
    this.#memoryMb = memoryMb;
    this.#timeScale = timeScale;
  }

  add(event: CloudEvent): void {
    const functions = this.#services[event.kind];
    const functionId = event.functionId ?? "";
    const operations = functions.get(functionId) ?? new Map<string, OperationTotals>();
    functions.set(functionId, operations);
    const operation = event.kind === "lambda" ? event.trigger : event.operation;
    operations.set(operation, sum(operations.get(operation) ?? NOTHING, totalsOf(event)));
    if (event.kind === "lambda") {
      this.#gbSeconds += (event.durationMs / 1000) * (this.#memoryMb(event.functionId) / 1024);
    }
    if (event.kind === "sqs") {
      this.#sqs += event.requests * (event.fifo ? PRICES.sqsFifoRequest : PRICES.sqsRequest);
    }
    if (event.kind === "gateway") this.#connection(event);
  }

  snapshot(at: number): MeterSnapshot {
    let connectionMinutes = this.#closedMinutes;
    for (const since of this.#openSince.values()) connectionMinutes += this.#minutes(since, at);
    const services = {
      dynamodb: toRecord(this.#services.dynamodb),
      gateway: toRecord(this.#services.gateway),
      lambda: toRecord(this.#services.lambda),
      sqs: toRecord(this.#services.sqs),
    };
    const { dynamodb, gateway, lambda, sqs } = this.#services;
    const totals = [dynamodb, gateway, lambda, sqs].map(total).reduce(sum, NOTHING);
    const bill = {
      gateway: totals.messages * PRICES.gatewayMessage + connectionMinutes * PRICES.gatewayConnectionMinute,
      lambda: total(lambda).count * PRICES.lambdaRequest + this.#gbSeconds * PRICES.lambdaGbSecond,
      dynamodb: totals.writeUnits * PRICES.dynamodbWriteUnit + totals.readUnits * PRICES.dynamodbReadUnit,
      sqs: this.#sqs,
    };
    return {
      services,
      connectionMinutes,
      totals,
      bill: { ...bill, total: bill.gateway + bill.lambda + bill.dynamodb + bill.sqs },
    };
  }

  #connection(event: Extract<CloudEvent, { kind: "gateway" }>): void {
    if (event.operation === "connect" && event.status < 400) {
      this.#openSince.set(event.connectionId, event.at);
      return;
    }
    if (event.operation !== "close" && event.operation !== "disconnect") return;
    const since = this.#openSince.get(event.connectionId);
    if (since === undefined) return;
    this.#openSince.delete(event.connectionId);
    this.#closedMinutes += this.#minutes(since, event.at);
  }

  #minutes(since: number, until: number): number {
    return Math.max(1, Math.ceil(((until - since) * this.#timeScale) / 60_000));
  }
}

function totalsOf(event: CloudEvent): OperationTotals {
  switch (event.kind) {
    case "dynamodb":
      return { ...NOTHING, count: 1, readUnits: event.readUnits, writeUnits: event.writeUnits };
    case "lambda":
      return {
        ...NOTHING,
        count: 1,
        durationMs: event.durationMs,
        coldStarts: event.coldStart ? 1 : 0,
        failures: event.outcome === "ok" ? 0 : 1,
      };
    case "gateway":
      return {
        ...NOTHING,
        count: 1,
        bytes: event.bytes,
        messages: messagesOf(event),
        // A "close" has a WebSocket close code, from 1000 on, instead of an HTTP status.
        failures: event.status >= 400 && event.status < 600 ? 1 : 0,
      };
    case "sqs":
      return {
        ...NOTHING,
        count: 1,
        bytes: event.bytes,
        requests: event.requests,
        failures: event.failures > 0 ? 1 : 0,
      };
    default:
      return event satisfies never;
  }
}

/** Messages that API Gateway bills: frames in, and posts and error frames out that were delivered. */
function messagesOf(event: Extract<CloudEvent, { kind: "gateway" }>): number {
  const billed =
    event.operation === "message" ||
    event.operation === "error-frame" ||
    (event.operation === "post" && event.status === 200);
  return billed ? Math.max(1, Math.ceil(event.bytes / MESSAGE_METER_BYTES)) : 0;
}

function sum(one: OperationTotals, other: OperationTotals): OperationTotals {
  return {
    count: one.count + other.count,
    readUnits: one.readUnits + other.readUnits,
    writeUnits: one.writeUnits + other.writeUnits,
    durationMs: one.durationMs + other.durationMs,
    coldStarts: one.coldStarts + other.coldStarts,
    failures: one.failures + other.failures,
    messages: one.messages + other.messages,
    bytes: one.bytes + other.bytes,
    requests: one.requests + other.requests,
  };
}

function total(functions: ReadonlyMap<string, ReadonlyMap<string, OperationTotals>>): OperationTotals {
  let all = NOTHING;
  for (const operations of functions.values()) {
    for (const each of operations.values()) all = sum(all, each);
  }
  return all;
}

function toRecord(
  functions: ReadonlyMap<string, ReadonlyMap<string, OperationTotals>>,
): Record<string, Record<string, OperationTotals>> {
  const entries = [...functions].map(([id, operations]): [string, Record<string, OperationTotals>] => [
    id,
    Object.fromEntries(operations),
  ]);
  return Object.fromEntries(entries);
}
