import { randomBytes } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { type Audience, broadcast } from "../../../../lambdas/server/broadcast/broadcast.ts";
import { Offsets } from "../../../../lambdas/server/common/offsets.ts";
import { EVERYONE, type LogRow, type RoomName } from "../../../../lambdas/server/ports/rooms.ts";
import type { EventPacket } from "../../../../lambdas/server/posting/post-to-all.ts";
import { joinToken } from "../../../../lambdas/server/recovery/membership-history.ts";
import { VirtualClock } from "../../../support/fake-ports.ts";
import { FanOutCloud } from "../../../support/fan-out-cloud.ts";

const socketIds = (count: number): string[] =>
  Array.from({ length: count }, () => randomBytes(15).toString("base64url"));
const audience = (rooms: readonly string[], except: readonly string[] = []): Audience => ({
  nsp: "/",
  rooms: new Set(rooms),
  except: new Set(except),
});
const PACKET: EventPacket = { frames: ['42["hello"]'] };

async function emit(
  cloud: FanOutCloud,
  to: Audience,
  { threshold = 10, packet = PACKET }: { threshold?: number; packet?: EventPacket } = {},
): Promise<void> {
  const invocation = cloud.invocation(threshold);
  await invocation.act("emit", () => broadcast(invocation, to, packet));
  await invocation.finish();
}

/** With recovery on: a packet that is in the logs, and its row. */
function logged(cloud: FanOutCloud): EventPacket {
  const id = new Offsets(cloud.clock).next();
  return { ...PACKET, log: { id, expiresAt: cloud.clock.now() + 3_600_000 } };
}

async function rowOf(cloud: FanOutCloud, room: RoomName): Promise<LogRow | undefined> {
  for await (const [row] of cloud.store.listLog("/", room, "")) return row;
  return undefined;
}

const everyOnce = (ids: readonly string[]) => new Map(ids.map((id) => [`C ${id}`, 1]));

describe("a room up to the threshold", () => {
  test("is posted to in the event itself, in one page", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(10);
    await cloud.join("room", ids);
    await emit(cloud, audience(["room"]));
    expect(cloud.posts).toEqual(everyOnce(ids));
    expect(cloud.payloads).toEqual([]);
  });

  test("and so are rooms that are many together, but have the same sockets", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(10);
    for (const room of ["a", "b", "c"]) await cloud.join(room, ids);
    await emit(cloud, audience(["a", "b", "c"]));
    expect(cloud.posts).toEqual(everyOnce(ids));
    expect(cloud.payloads).toEqual([]);
  });
});

describe("a room above it", () => {
  test("each member gets the packet once, from the emitter or a worker", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(300);
    await cloud.join("room", ids);
    await emit(cloud, audience(["room"]));
    expect(cloud.posts.size).toBe(10);
    await cloud.drain();
    expect(cloud.posts).toEqual(everyOnce(ids));
    expect(cloud.logged).toEqual([]);
  });

  test("several rooms are one, everyone is a room, and who is excepted is left out", async () => {
    const cloud = new FanOutCloud();
    const [a, b, both, out] = [socketIds(60), socketIds(60), socketIds(60), socketIds(40)];
    await cloud.join("a", [...a, ...both, ...out]);
    await cloud.join("b", [...b, ...both]);
    await cloud.join("out", [...out.slice(0, 20), ...socketIds(100)]);
    await cloud.join("also out", out.slice(10));
    await emit(cloud, audience(["a", "b"], ["out", "also out"]));
    await cloud.drain();
    expect(cloud.posts).toEqual(everyOnce([...a, ...b, ...both]));

    const all = new FanOutCloud(7);
    await all.join(EVERYONE, [...a, ...out]);
    await all.join("out", out);
    await emit(all, audience([], ["out"]));
    await all.drain();
    expect(all.posts).toEqual(everyOnce(a));
  });

  test("a worker that finds too many hands the rest on", async () => {
    const cloud = new FanOutCloud();
    // The emitter sees ids that are far apart, and starts few workers; behind them they are close together.
    const sparse = Array.from("-0123456789", (first) => `${first}${"A".repeat(19)}`);
    const dense = socketIds(400).map((id) => `x${id.slice(1)}`);
    const ids = [...new Set([...sparse, ...dense])];
    await cloud.join("room", ids);
    await emit(cloud, audience(["room"]));
    const first = cloud.payloads.length;
    await cloud.drain();
    expect(cloud.posts).toEqual(everyOnce(ids));
    expect(cloud.payloads.length).toBeGreaterThan(first + 10);
  });

  test("ids that cannot be told apart by any division are served all the same", async () => {
    const cloud = new FanOutCloud();
    const ids = Array.from({ length: 100 }, (_, at) => `${"z".repeat(20)}${at}`);
    await cloud.join("room", ids);
    await emit(cloud, audience(["room"]));
    await cloud.drain();
    expect(cloud.posts).toEqual(everyOnce(ids));
  });

  test("a packet larger than a task goes by the table", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(50);
    await cloud.join("room", ids);
    const frames = Array.from({ length: 4 }, (_, at) => `b${String(at).repeat(100_000)}`);
    await emit(cloud, audience(["room"]), { packet: { frames } });
    await cloud.drain();
    expect(cloud.posts).toEqual(new Map(ids.map((id) => [`C ${id}`, 4])));
    expect(Math.max(...cloud.payloads)).toBeLessThan(1_000);
  });

  test("connections found gone are ended, with the count of ends that led here", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(100).sort();
    const gone = new Set(ids.filter((_, at) => at % 10 === 9).map((id) => `C ${id}`));
    await cloud.join("room", ids);
    cloud.answer = async (to) => (gone.has(to) ? "gone" : "ok");
    await emit(cloud, audience(["room"]));
    await cloud.drain();
    const ended = cloud.ended.flatMap((task) => (task.task === "end" ? [task] : []));
    expect(ended.every(({ hops }) => hops === 1)).toBe(true);
    expect(ended.flatMap(({ targets }) => targets.map(({ connectionId }) => connectionId)).sort()).toEqual(
      [...gone].sort(),
    );
  });

  test("a worker whose time is over hands the rest on", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(400);
    await cloud.join("room", ids);
    await emit(cloud, audience(["room"]), { threshold: 150 });
    for (let task = cloud.waiting.shift(); task; task = cloud.waiting.shift()) {
      await cloud.work(task, { deadline: 0 });
    }
    expect(cloud.posts).toEqual(everyOnce(ids));
    expect(cloud.workers).toBeGreaterThan(2);
  });

  test("a worker that comes too late posts nothing, and says so", async () => {
    const clock = new VirtualClock();
    const cloud = new FanOutCloud(100, clock);
    await cloud.join("room", socketIds(100));
    const packet = logged(cloud);
    await emit(cloud, audience(["room"]), { packet });
    await clock.sleep(5 * 60_000 + 1);
    await cloud.drain();
    expect(cloud.posts.size).toBe(10);
    expect(new Set(cloud.logged)).toEqual(new Set(["SKY_FAN_OUT_LATE"]));
    // Whoever resumes gets it.
    expect((await rowOf(cloud, "room"))?.done).toBeUndefined();
  });
});

describe("tasks that come twice", () => {
  test("are done once: a duplicate finds the leg taken, a later one finds it done", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(200);
    await cloud.join("room", ids);
    await emit(cloud, audience(["room"]));
    const tasks = [...cloud.waiting];
    await Promise.all(tasks.map((task) => Promise.all([cloud.work(task), cloud.work(task)])));
    await cloud.drain();
    for (const task of tasks) await cloud.work(task);
    expect(cloud.posts).toEqual(everyOnce(ids));
  });

  test("after a death, go on where the last batch ended", async () => {
    const clock = new VirtualClock();
    const cloud = new FanOutCloud(1_000, clock);
    const ids = socketIds(1_500).sort();
    await cloud.join("room", ids);
    await emit(cloud, audience(["room"]), { threshold: 1_000 });
    const [task] = cloud.waiting.splice(0);
    if (!task) throw new Error("no worker");
    // Saving fails after the second batch, as for a worker that dies there.
    const { saveLeg } = cloud.store;
    let saves = 0;
    cloud.store.saveLeg = async (...args) => {
      if (++saves > 2) throw new Error("dead");
      return await saveLeg(...args);
    };
    await expect(cloud.work(task)).rejects.toThrow("dead");
    cloud.store.saveLeg = saveLeg;
    await cloud.work(task);
    expect(cloud.posts.size).toBeLessThan(1_500); // the lease still holds
    await clock.sleep(60_000);
    await cloud.work(task);
    expect(new Set(cloud.posts.keys())).toEqual(new Set(ids.map((id) => `C ${id}`)));
    // What was noted as served is not served again.
    const noted = ids.slice(1_000, 1_200);
    expect(noted.map((id) => cloud.posts.get(`C ${id}`))).toEqual(noted.map(() => 1));
    // Twice: those of the batches that were on their way, and no others.
    expect([...cloud.posts.values()].filter((count) => count > 1).length).toBeLessThanOrEqual(300);
    expect(Math.max(...cloud.posts.values())).toBe(2);
  });
});

describe("with recovery on", () => {
  test("a worker that comes late leaves out who was in the rooms to leave out at the emit, and nobody who has joined since", async () => {
    const clock = new VirtualClock();
    const cloud = new FanOutCloud(1_000, clock);
    const offsets = new Offsets(clock);
    const put = async (room: RoomName, id: string) => {
      const joined = offsets.next();
      await cloud.store.putMember({
        ...cloud.member(room, id),
        token: await joinToken(cloud.store, { nsp: "/", room, joined, now: clock.now() }),
      });
    };
    const ids = socketIds(100).sort();
    for (const id of ids) await put("room", id);
    const [before, since] = [ids.slice(30, 40), ids.slice(60, 70)];
    for (const id of before) await put("out", id);
    await clock.sleep(1);
    await emit(cloud, audience(["room"], ["out"]), { packet: logged(cloud) });
    await clock.sleep(60_000);
    for (const id of since) await put("out", id);
    await cloud.drain();
    const left = new Set(before);
    expect([...cloud.posts.keys()].sort()).toEqual(ids.filter((id) => !left.has(id)).map((id) => `C ${id}`));
    expect((await rowOf(cloud, "room"))?.missed).toEqual([]);
  });

  test("the row is marked before anything is posted, and done when all workers are, with who missed it", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(200).sort();
    const gone = ids.filter((_, at) => at % 20 === 7);
    await cloud.join("room", ids);
    const marked: (boolean | undefined)[] = [];
    cloud.answer = async (to) => {
      marked.push((await rowOf(cloud, "room"))?.fannedOut);
      return gone.includes(to.slice(2)) ? "gone" : "ok";
    };
    await emit(cloud, audience(["room"]), { packet: logged(cloud) });
    expect(marked.length).toBeGreaterThan(0);
    expect(marked.every((one) => one === true)).toBe(true);
    while (cloud.waiting.length > 1) await cloud.work(cloud.waiting.shift() ?? fail());
    expect((await rowOf(cloud, "room"))?.done).toBeUndefined();
    await cloud.drain();
    const row = await rowOf(cloud, "room");
    expect(row?.done).toBeDefined();
    expect([...(row?.missed ?? [])].sort()).toEqual(gone);
  });

  test("too many who missed it leave the row undone", async () => {
    const cloud = new FanOutCloud();
    await cloud.join("room", socketIds(400));
    cloud.answer = async () => "gone";
    await emit(cloud, audience(["room"]), { threshold: 200, packet: logged(cloud) });
    await cloud.drain();
    expect((await rowOf(cloud, "room"))?.done).toBeUndefined();
  });
});

describe("two events of one invocation to one large room", () => {
  test("the second begins when the workers of the first are done", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(60);
    await cloud.join("room", ids);
    const heard: string[] = [];
    cloud.answer = async (_, frame) => {
      heard.push(frame);
      return "ok";
    };
    const invocation = cloud.invocation(10);
    const second = { frames: ['42["second"]'] };
    const first = invocation.act("first", () => broadcast(invocation, audience(["room"]), PACKET));
    const both = invocation.act("second", () => broadcast(invocation, audience(["room"]), second));
    await first;
    await cloud.drain();
    await both;
    await cloud.drain();
    await invocation.finish();
    expect(heard.filter((frame) => frame === PACKET.frames[0])).toHaveLength(60);
    expect(heard.lastIndexOf(PACKET.frames[0] ?? "")).toBeLessThan(heard.indexOf(second.frames[0] ?? ""));
    expect(heard).toHaveLength(120);
  });

  test("or, with a warning, when the event has no more time", async () => {
    const cloud = new FanOutCloud(100, new VirtualClock());
    await cloud.join("room", socketIds(60));
    const invocation = cloud.invocation(10);
    void invocation.act("first", () => broadcast(invocation, audience(["room"]), PACKET));
    await invocation.act("second", () => broadcast(invocation, audience(["room"]), PACKET));
    await invocation.finish();
    expect(cloud.logged).toEqual(["SKY_FAN_OUT_SLOW"]);
  });

  test("what the event sent before to others is out before the workers begin", async () => {
    const cloud = new FanOutCloud();
    await cloud.join("room", socketIds(60));
    await cloud.join("small", ["somebody".padEnd(20, "-")]);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    cloud.answer = async (to) => {
      if (to.includes("somebody")) await held;
      return "ok";
    };
    const invocation = cloud.invocation(10);
    const before = invocation.act("before", () => broadcast(invocation, audience(["small"]), PACKET));
    const large = invocation.act("large", () => broadcast(invocation, audience(["room"]), PACKET));
    await invocation.act("probe", async () => ({ rest: undefined }));
    expect(cloud.payloads).toEqual([]);
    release();
    await Promise.all([before, large]);
    expect(cloud.payloads.length).toBeGreaterThan(0);
    await invocation.finish();
  });
});

describe("100,000 members", () => {
  test("get the packet once each, by about 200 workers, in tasks far below Lambda's limit", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(100_000);
    await cloud.join(EVERYONE, ids);
    const packet = { frames: [`42["news","${"x".repeat(10_000)}"]`] };
    await emit(cloud, audience([]), { threshold: 500, packet });
    const started = cloud.payloads.length;
    await cloud.drain();
    expect(cloud.posts.size).toBe(100_000);
    expect([...cloud.posts.values()].every((count) => count === 1)).toBe(true);
    process.stdout.write(
      `100,000 members: ${started} workers started by the emitter, ${cloud.workers} in all, largest task ${Math.max(...cloud.payloads)} bytes\n`,
    );
    expect(started).toBeGreaterThan(150);
    expect(started).toBeLessThanOrEqual(250);
    expect(cloud.workers).toBeLessThan(300);
    expect(Math.max(...cloud.payloads)).toBeLessThan(256 * 1024);
    expect(cloud.logged).toEqual([]);
  });
});

function fail(): never {
  throw new Error("nothing left");
}

describe("a volatile event to a large room", () => {
  const volatile = (since: number): EventPacket => ({ ...PACKET, volatileSince: since });

  test("is tried once for each, by the emitter and by workers", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(60);
    await cloud.join("room", ids);
    const once = new Map<string, (boolean | undefined)[]>();
    cloud.answer = async (to, _, how) => {
      once.set(to, [...(once.get(to) ?? []), how?.once]);
      return "refused";
    };
    await emit(cloud, audience(["room"]), { packet: volatile(0) });
    await cloud.drain();
    expect(once).toEqual(new Map(ids.map((id) => [`C ${id}`, [true]])));
    expect([cloud.ended, cloud.logged]).toEqual([[], []]);
  });

  test("does not go to sessions that are being resumed", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(60);
    await cloud.join("room", ids);
    const resuming = ids.filter((_, at) => at % 2 === 0);
    for (const id of resuming) await cloud.store.putMember({ ...cloud.member("room", id), hold: "pid" });
    await emit(cloud, audience(["room"]), { packet: volatile(0) });
    await cloud.drain();
    expect(cloud.posts).toEqual(everyOnce(ids.filter((id) => !resuming.includes(id))));
  });

  test("is lost while workers are still posting the one before", async () => {
    const cloud = new FanOutCloud();
    const ids = socketIds(60);
    await cloud.join("room", ids);
    const invocation = cloud.invocation(10);
    const send = (since: number) =>
      invocation.act("emit", () => broadcast(invocation, audience(["room"]), volatile(since)));
    const { moment } = invocation.posts;
    await Promise.all(Array.from({ length: 50 }, () => send(moment)));
    const tasks = cloud.payloads.length;
    await send(invocation.posts.moment);
    expect(cloud.payloads).toHaveLength(tasks);
    await cloud.drain();
    expect(cloud.posts).toEqual(everyOnce(ids));
    // Called for while they were, and so lost though they are not any more; the next one is not.
    await send(moment);
    await send(invocation.posts.moment);
    await cloud.drain();
    await invocation.finish();
    expect(cloud.posts).toEqual(new Map(ids.map((id) => [`C ${id}`, 2])));
  });
});

test("a client in a large room that does not read is closed by who finds it, and holds up nobody's emit", async () => {
  const cloud = new FanOutCloud();
  const ids = socketIds(60).sort();
  await cloud.join("room", ids);
  const slow = new Set([`C ${ids[0]}`, `C ${ids[50]}`]);
  let refuse = (): void => undefined;
  const patience = new Promise<void>((resolve) => {
    refuse = resolve;
  });
  cloud.answer = async (to, _, how) => {
    if (!slow.has(to)) return "ok";
    how?.onSlow?.();
    await patience;
    return "refused";
  };
  const invocation = cloud.invocation(10);
  // It would never resolve if it waited for the one who is among the emitter's own.
  await invocation.act("emit", () => broadcast(invocation, audience(["room"]), PACKET));
  refuse();
  await invocation.finish();
  await cloud.drain();
  expect(cloud.posts).toEqual(everyOnce(ids.filter((id) => !slow.has(`C ${id}`))));
  expect(
    cloud.ended
      .flatMap((task) => (task.task === "end" ? task.targets : []))
      .map((one) => one.connectionId)
      .sort(),
  ).toEqual([...slow].sort());
  expect(cloud.logged).toEqual(["SKY_SLOW_READER", "SKY_SLOW_READER"]);
});
