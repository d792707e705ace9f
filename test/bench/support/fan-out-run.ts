/**
 * A process that broadcasts to a room of the size that it is told, several times, and beside each as a control posts as often
 * in a bare loop. Prints what it measured as JSON.
 */
import { postService } from "../../../lambdas/gateway/clients.ts";
import { createGateway } from "../../../lambdas/gateway/post.ts";
import { toFanOutEvent } from "../../../lambdas/handlers/fan-out/event.ts";
import { handleFanOut } from "../../../lambdas/handlers/fan-out/fan-out.ts";
import { broadcast } from "../../../lambdas/server/broadcast/broadcast.ts";
import { Limiter } from "../../../lambdas/server/common/limiter.ts";
import { Invocation } from "../../../lambdas/server/invocation/invocation.ts";
import type { FanOutStore, FanOutTask, SocketRange } from "../../../lambdas/server/ports/fan-out.ts";
import type { Gateway } from "../../../lambdas/server/ports/gateway.ts";
import type { Ports } from "../../../lambdas/server/ports/ports.ts";
import type { Member } from "../../../lambdas/server/ports/rooms.ts";
import { createMemoryStore } from "../../../lambdas/store/memory/store.ts";
import { realClock } from "../../support/harness.ts";
import { BarePosts } from "./bare-posts.ts";

/** What one size takes. */
export interface FanOutRun {
  /** Milliseconds, one for each run. */
  readonly ours: readonly number[];
  readonly control: readonly number[];
  /** MB of the process, and of what it had before. */
  readonly peak: number;
  readonly base: number;
}

const THRESHOLD = 500;
const AT_ONCE = 64;
/** Workers that run at the same time, as far as one process can play them. They share its connections. */
const WORKERS = 4;
const FRAME = `42["news","${"x".repeat(100)}"]`;
const SAMPLE_MS = 5;
const LONGEST_MS = 600_000;
const MB = 1024 * 1024;
const ENV = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "ASIAAAAAAAAAAAAAAAAA",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_SESSION_TOKEN: "t".repeat(1_000),
};

const [, , url = "", size = "", runs = ""] = process.argv;
const count = Number(size);
const bare = new BarePosts(url, ENV, AT_ONCE);
const service = postService(`${url}/prod`, ENV);
const gateway = createGateway({
  service,
  closer: () => Promise.reject(new Error("nothing is closed here")),
  clock: realClock,
});

/** The digits of socket ids in the order of strings. */
const DIGITS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const ID_DIGITS = 20;

/** The id of the n-th of so many sockets, evenly spread as random ones nearly are. */
function idOf(n: number, all: number): string {
  let id = "";
  for (let rest = n / all; id.length < ID_DIGITS; rest = (rest * DIGITS.length) % 1) {
    id += DIGITS[Math.floor(rest * DIGITS.length)];
  }
  return id;
}

/** The first of the sockets whose id is not before this one. */
function placeOf(id: string | undefined, all: number): number {
  let [low, high] = [0, all];
  while (id !== undefined && low < high) {
    const middle = (low + high) >> 1;
    if (idOf(middle, all) < id) low = middle + 1;
    else high = middle;
  }
  return id === undefined ? 0 : low;
}

/** Members that are made as they are asked for, as from a table: a room in memory would be what is measured. */
async function* members(all: number, { from, to }: SocketRange, pageSize = 500): AsyncGenerator<Member[]> {
  const end = to === undefined ? all : placeOf(to, all);
  for (let at = placeOf(from, all); at < end; at += pageSize) {
    const length = Math.min(pageSize, end - at);
    yield Array.from({ length }, (_, n) => {
      const id = idOf(at + n, all);
      return { nsp: "/", room: "room", id, connectionId: `${id.slice(0, 14)}=`, connectedAt: 0, token: "t" };
    });
  }
}

/** Emits, and plays all workers. */
async function fanOut(all: number): Promise<void> {
  const memory = createMemoryStore({ clock: realClock });
  const store: typeof memory & FanOutStore = {
    ...memory,
    listMembersInOrder: (_nsp, _room, range, pageSize) => [members(all, range, pageSize)],
  };
  const slots = new Limiter(WORKERS);
  const working: Promise<void>[] = [];
  const start = async (task: FanOutTask) => {
    const event = toFanOutEvent(JSON.parse(JSON.stringify({ ...task, owner: "socket" })));
    if (!event) throw new Error("a worker would not understand its task");
    working.push(slots.run(() => handleFanOut({ ports, deadline: Date.now() + LONGEST_MS }, event.task)));
  };
  const tasks = { start: () => Promise.reject(new Error("nobody is gone here")) };
  const ports = { store, gateway: counted(), tasks, fanOuts: { store, start }, clock: realClock, log: LOG };
  const invocation = new Invocation({
    ports: { ...ports, activeResources: () => [] },
    deadline: Date.now() + LONGEST_MS,
    lingerMs: 0,
    fanOutThreshold: THRESHOLD,
  });
  const audience = { nsp: "/", rooms: new Set(["room"]), except: new Set<string>() };
  await invocation.act("emit", () => broadcast(invocation, audience, { frames: [FRAME] }));
  await invocation.finish();
  // Workers start workers.
  for (let done = 0; done < working.length; done++) await working[done];
  if (ports.gateway.posts !== all) throw new Error(`${ports.gateway.posts} posts instead of ${all}`);
}

const LOG: Ports["log"] = {
  error: (code, message) => process.stderr.write(`${code} ${message}\n`),
  warn: (code, message) => process.stderr.write(`${code} ${message}\n`),
};

function counted(): Gateway & { posts: number } {
  return {
    posts: 0,
    post(to, frame) {
      this.posts++;
      return gateway.post(to, frame);
    },
    close: gateway.close,
  };
}

/** Signed posts and nothing else, as many at once. */
async function bareLoop(all: number): Promise<void> {
  let next = 0;
  const post = async () => {
    while (next < all) await bare.post(`/prod/@connections/${idOf(next++, all).slice(0, 14)}%3D`, FRAME);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, post));
}

async function timed(work: (all: number) => Promise<void>, all: number): Promise<number> {
  const start = performance.now();
  await work(all);
  return performance.now() - start;
}

async function measure(): Promise<FanOutRun> {
  // Compiles, and opens the connections.
  for (let n = 0; n < 2; n++) for (const work of [fanOut, bareLoop]) await work(2_000);
  globalThis.gc?.();
  const base = process.memoryUsage.rss();
  let peak = base;
  const sample = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const ours: number[] = [];
  const control: number[] = [];
  const measured = async () => {
    const timer = setInterval(sample, SAMPLE_MS);
    ours.push(await timed(fanOut, count));
    sample();
    clearInterval(timer);
  };
  for (let run = 0; run < Number(runs); run++) {
    // In turns: a machine that gets slower while it runs must not count against the same one each time.
    if (run % 2 === 0) await measured();
    control.push(await timed(bareLoop, count));
    if (run % 2 === 1) await measured();
  }
  await service.close();
  await bare.close();
  return { ours, control, peak: peak / MB, base: base / MB };
}

process.stdout.write(JSON.stringify(await measure()));
