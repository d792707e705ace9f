/**
 * What AWS would bill for one event of each kind, counted by the local cloud.
 * Alone: `node --import tsx test/bench/calls.ts`
 */
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { io, type Socket } from "socket.io-client";
import { functionIdOf } from "../../infra/local/api-gateway/routes.ts";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import type { Mark } from "../../infra/local/meter.ts";
import type { CloudEvent } from "../../infra/local/model.ts";
import { TestClouds } from "../support/cloud.ts";
import { runAlone } from "./support/alone.ts";
import { median } from "./support/stats.ts";

const RUNS = 5;
const LONGEST_MS = 20_000;
const POLL_MS = 5;
const ROOM = 10;
/** About what a line of a chat has. */
const TEXT = "x".repeat(80);

/** What one event costs. Units are DynamoDB's, messages API Gateway's, both ways, queue requests those of the line. */
export interface Calls {
  readonly messages: number;
  readonly invocations: number;
  readonly queue_requests: number;
  readonly read_units: number;
  readonly write_units: number;
}

const WITHOUT = [
  "echo",
  "join",
  "broadcast_to_10",
  "chat",
  "inbox_message",
  "connect",
  "disconnect",
] as const;
const WITH = ["broadcast_to_10", "chat", "connect", "resume", "disconnect"] as const;

/** Of a deployment: each event alone in its batch, if it comes through the line. */
export interface CallsOf {
  /**
   * `broadcast_to_10`: to ten. `chat`: to the nine others of a room, the event of the workload that is priced. `connect`: from the
   * upgrade until the socket is in a room. `resume`: a client that comes back, with the end of its old connection.
   */
  readonly plain: Readonly<Record<(typeof WITHOUT)[number], Calls>> & {
    /** A ping and its answer. */
    readonly ping: Calls;
    /** A run of the heartbeat that finds nobody. */
    readonly heartbeat_run: Calls;
  };
  readonly with_recovery: Readonly<Record<(typeof WITH)[number], Calls>>;
}

export interface CallsPerEvent {
  readonly calls_per_event: {
    readonly ordered: CallsOf;
    /** With `ordered: false`. */
    readonly direct: CallsOf;
    readonly runs: number;
  };
}

/** Medians. Counts, not times: clouds that run at once do not disturb each other. */
export async function benchCalls(): Promise<CallsPerEvent> {
  const clouds = new TestClouds();
  try {
    const [ordered, direct] = [await measureAll(clouds, true), await measureAll(clouds, false)];
    return { calls_per_event: { ordered, direct, runs: RUNS } };
  } finally {
    await clouds.stop();
  }
}

async function measureAll(clouds: TestClouds, ordered: boolean): Promise<CallsOf> {
  const [plain, with_recovery, heartbeat] = await Promise.all([
    measure(clouds, { app: appPath("bench.ts"), ordered }, WITHOUT),
    measure(clouds, { app: appPath("bench-recovery.ts"), ordered }, WITH),
    measureHeartbeat(clouds, ordered),
  ]);
  return { plain: { ...plain, ...heartbeat }, with_recovery };
}

async function measure<Kind extends keyof typeof EVENTS>(
  clouds: TestClouds,
  options: { readonly app: string; readonly ordered: boolean },
  kinds: readonly Kind[],
): Promise<Record<Kind, Calls>> {
  const cloud = await clouds.start(options);
  const counted = new Map<Kind, Calls[]>(kinds.map((kind) => [kind, []]));
  for (let run = 0; run < RUNS; run++) {
    for (const [kind, list] of counted) {
      const bench = new Bench(cloud);
      try {
        list.push(await EVENTS[kind](bench));
      } finally {
        await bench.close();
      }
    }
  }
  const entries = [...counted].map(([kind, list]) => [kind, medians(list)] as const);
  return Object.fromEntries(entries) as Record<Kind, Calls>;
}

/** Of the heartbeat's function, and of a client that does nothing but answer pings, where a minute takes a second. */
async function measureHeartbeat(
  clouds: TestClouds,
  ordered: boolean,
): Promise<{ ping: Calls; heartbeat_run: Calls }> {
  const cloud = await clouds.start({ app: appPath("bench.ts"), ordered, timeScale: 60 });
  const runs = await untilRuns(cloud, RUNS);
  const all = sumOf(runs);
  const heartbeat_run = {
    messages: all.messages / all.invocations,
    invocations: 1,
    queue_requests: all.queue_requests / all.invocations,
    read_units: all.read_units / all.invocations,
    write_units: all.write_units / all.invocations,
  };
  const bench = new Bench(cloud);
  const pings: Calls[] = [];
  const socket = await bench.client();
  for (let run = 0; run < RUNS; run++) {
    pings.push(await bench.count(1, () => new Promise<void>((resolve) => socket.io.once("ping", resolve))));
  }
  await bench.close();
  return { ping: medians(pings), heartbeat_run };
}

/** What the heartbeat's function does in so many runs. */
async function untilRuns(cloud: LocalCloud, count: number): Promise<readonly CloudEvent[]> {
  const functionId = cloud.model.schedules[0]?.functionId;
  for (;;) {
    const events = cloud.meter.events().filter((event) => event.functionId === functionId);
    if (events.filter(({ kind }) => kind === "lambda").length >= count) return events;
    await delay(POLL_MS);
  }
}

const appPath = (name: string): string => fileURLToPath(new URL(`../apps/${name}`, import.meta.url));

function sumOf(events: readonly CloudEvent[]): Calls {
  const sum = (of: (event: CloudEvent) => number) => events.reduce((all, event) => all + of(event), 0);
  return {
    messages: sum((event) => (isMessage(event) ? 1 : 0)),
    invocations: sum((event) => (event.kind === "lambda" ? 1 : 0)),
    queue_requests: sum((event) => (isRequest(event) ? event.requests : 0)),
    read_units: sum((event) => (event.kind === "dynamodb" ? event.readUnits : 0)),
    write_units: sum((event) => (event.kind === "dynamodb" ? event.writeUnits : 0)),
  };
}

function medians(list: readonly Calls[]): Calls {
  const of = (name: keyof Calls) => median(list.map((calls) => calls[name]));
  return {
    messages: of("messages"),
    invocations: of("invocations"),
    queue_requests: of("queue_requests"),
    read_units: of("read_units"),
    write_units: of("write_units"),
  };
}

/** Clients of a cloud, and what happens in it. */
class Bench {
  readonly #cloud: LocalCloud;
  readonly #sockets: Socket[] = [];
  /** That of the application: the heartbeat's runs belong to no event. */
  readonly #functionId: string;

  constructor(cloud: LocalCloud) {
    this.#cloud = cloud;
    this.#functionId = functionIdOf(cloud.model.apis[0]?.routes[0]) ?? "";
  }

  /** A client in the namespace; its three invocations are over. */
  async client(auth: Readonly<Record<string, string>> = {}): Promise<Socket> {
    const { url, path } = this.#cloud;
    const before = this.#cloud.meter.mark();
    const socket = io(url, { path, transports: ["websocket"], forceNew: true, auth });
    this.#sockets.push(socket);
    await once(socket, "connect");
    await this.#ended(before, 3);
    return socket;
  }

  /** The members of a new room. */
  async room(name: string): Promise<Socket[]> {
    const sockets: Socket[] = [];
    for (let n = 0; n < ROOM; n++) sockets.push(await this.client({ room: name }));
    return sockets;
  }

  /** What this costs, with all that the function has to handle for it. */
  async count(handled: number, act: () => Promise<unknown>): Promise<Calls> {
    const before = this.#cloud.meter.mark();
    await act();
    await this.#ended(before, handled);
    return sumOf(this.#eventsSince(before));
  }

  async close(): Promise<void> {
    const before = this.#cloud.meter.mark();
    const left = this.#sockets.filter((socket) => socket.connected);
    for (const socket of left) socket.disconnect();
    // Each of them says so in a message, and is then gone. Their ends would be counted with the next event.
    await this.#ended(before, 2 * left.length);
  }

  #eventsSince(mark: Mark): readonly CloudEvent[] {
    const events = this.#cloud.meter.events(mark);
    // What the heartbeat posts is a message all the same, and what API Gateway sends to the queue is of no function.
    return events.filter(
      ({ kind, functionId }) => kind === "gateway" || kind === "sqs" || functionId === this.#functionId,
    );
  }

  /** So much has been handled, and what has been is not in the queue any more. */
  async #ended(since: Mark, handled: number): Promise<void> {
    const giveUpAt = Date.now() + LONGEST_MS;
    for (;;) {
      const events = this.#eventsSince(since);
      if (events.reduce((all, event) => all + handledBy(event), 0) >= handled && !anyQueued(events)) return;
      if (Date.now() > giveUpAt) throw new Error(`${handled} events were not handled`);
      await delay(POLL_MS);
    }
  }
}

/** Frames, ends and tasks. */
const handledBy = (event: CloudEvent): number =>
  event.kind === "lambda" ? (event.messageIds?.length ?? 1) : 0;

/** Have messages been received, or sent, that have not been deleted? */
function anyQueued(events: readonly CloudEvent[]): boolean {
  const ids = (operation: RegExp) =>
    events.flatMap((event) =>
      event.kind === "sqs" && event.fifo && operation.test(event.operation) ? event.messageIds : [],
    );
  const deleted = new Set(ids(/^Delete/));
  return ids(/^(Send|Receive)/).some((id) => !deleted.has(id));
}

/** Of the line: the queue of failed tasks is no FIFO queue. */
const isRequest = (event: CloudEvent): event is Extract<CloudEvent, { kind: "sqs" }> =>
  event.kind === "sqs" && event.fifo && event.operation !== "EmptyReceive";

function isMessage(event: CloudEvent): boolean {
  if (event.kind !== "gateway") return false;
  return event.operation === "message" || (event.operation === "post" && event.status === 200);
}

const once = (socket: Socket, event: string): Promise<void> =>
  new Promise((resolve) => socket.once(event, () => resolve()));

/** All of them have got it. */
const received = (sockets: readonly Socket[], event: string): Promise<unknown> =>
  Promise.all(sockets.map((socket) => once(socket, event)));

const EVENTS = {
  async echo(bench: Bench): Promise<Calls> {
    const socket = await bench.client();
    return await bench.count(1, () => socket.emitWithAck("echo", TEXT));
  },
  async join(bench: Bench): Promise<Calls> {
    const socket = await bench.client();
    return await bench.count(1, async () => socket.emit("join", "a room"));
  },
  async broadcast_to_10(bench: Bench): Promise<Calls> {
    const room = await bench.room("ten");
    return await bench.count(1, async () => {
      const all = received(room, "message");
      room[0]?.emit("broadcast", "ten", TEXT);
      await all;
    });
  },
  async chat(bench: Bench): Promise<Calls> {
    const [sender, ...others] = await bench.room("ten");
    return await bench.count(1, async () => {
      const all = received(others, "message");
      sender?.emit("chat", "ten", TEXT);
      await all;
    });
  },
  /** One device: the event, and its acknowledgement. */
  async inbox_message(bench: Bench): Promise<Calls> {
    const reader = await bench.client({ inbox: "ada" });
    const writer = await bench.client();
    return await bench.count(2, async () => {
      const mail = new Promise<void>((resolve) => {
        reader.once("mail", (_text: string, ack: () => void) => {
          ack();
          resolve();
        });
      });
      writer.emit("notify", "ada", TEXT);
      await mail;
    });
  },
  connect: (bench: Bench): Promise<Calls> => bench.count(3, () => bench.client({ room: "ten" })),
  async disconnect(bench: Bench): Promise<Calls> {
    const socket = await bench.client({ room: "ten" });
    socket.io.reconnection(false);
    return await bench.count(1, async () => socket.io.engine.close());
  },
  /** As at the end of the two hours: the connection is cut, and the client comes back. */
  async resume(bench: Bench): Promise<Calls> {
    const socket = await bench.client({ room: "ten" });
    return await bench.count(4, async () => {
      const back = once(socket, "connect");
      socket.io.engine.close();
      await back;
      if (!socket.recovered) throw new Error("the socket was not recovered");
    });
  },
};

await runAlone(import.meta.url, benchCalls);
