/**
 * A fan-out whose workers die: at each of their calls to the outside, before or after it took effect, once or again and again.
 * Lambda tries each task three times.
 */
import { describe, expect, test } from "@jest/globals";
import { broadcast } from "../../../../lambdas/server/broadcast/broadcast.ts";
import type { LogRow } from "../../../../lambdas/server/ports/rooms.ts";
import { VirtualClock } from "../../../support/fake-ports.ts";
import { FanOutCloud } from "../../../support/fan-out-cloud.ts";
import { seeded } from "../../../support/simulation.ts";

const ID = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const THRESHOLD = 4;
const RETRY_MS = 60_000;

class Dead extends Error {}

interface Outcome {
  readonly posts: ReadonlyMap<string, number>;
  readonly row: LogRow | undefined;
  readonly calls: number;
  readonly gone: readonly string[];
  readonly ended: ReadonlySet<string>;
}

/** Ids that are spread evenly, but for a crowd at one place: so that workers hand on to others. */
function members(): string[] {
  const even = Array.from({ length: 12 }, (_, at) => ID.charAt(5 * at).repeat(20));
  const crowd = Array.from({ length: 10 }, (_, at) => `m${ID.charAt(6 * at).repeat(19)}`);
  return [...new Set([...even, ...crowd])];
}

/**
 * @param dies at which calls of workers, counted over all of them, the worker dies; "before" or "after" the call
 */
async function play(dies: (call: number) => "before" | "after" | undefined): Promise<Outcome> {
  const clock = new VirtualClock();
  const cloud = new FanOutCloud(5, clock);
  const ids = members();
  await cloud.join("room", ids);
  const gone = ids.filter((_, at) => at % 7 === 5);
  cloud.answer = async (to) => (gone.includes(to.slice(2)) ? "gone" : "ok");
  const invocation = cloud.invocation(THRESHOLD);
  const log = { id: invocation.offsets.next(), expiresAt: clock.now() + 3_600_000 };
  const audience = { nsp: "/", rooms: new Set(["room"]), except: new Set<string>() };
  await invocation.act("emit", () => broadcast(invocation, audience, { frames: ["42[]"], log }));
  await invocation.finish();

  let calls = 0;
  cloud.perhaps = async (call) => {
    const death = dies(calls++);
    if (death === "before") throw new Dead();
    const result = await call();
    if (death === "after") throw new Dead();
    return result;
  };
  let left = cloud.waiting.splice(0);
  for (let attempt = 1; attempt <= 4 && left.length > 0; attempt++) {
    const failed: typeof left = [];
    while (left.length > 0) {
      const task = left.shift();
      if (!task) break;
      await cloud.work(task).catch((error: unknown) => {
        if (!(error instanceof Dead)) throw error;
        failed.push(task);
      });
      left.push(...cloud.waiting.splice(0));
    }
    left = failed;
    await clock.sleep(RETRY_MS);
  }
  let row: LogRow | undefined;
  for await (const rows of cloud.store.listLog("/", "room", "")) row = rows[0];
  const ended = cloud.ended.flatMap((task) => (task.task === "end" ? task.targets : []));
  return {
    posts: cloud.posts,
    row,
    calls,
    gone,
    ended: new Set(ended.map(({ connectionId }) => connectionId)),
  };
}

function check({ posts, row, gone, ended }: Outcome): void {
  const reached = members().filter((id) => !gone.includes(id));
  expect([...posts.keys()].sort()).toEqual(reached.map((id) => `C ${id}`).sort());
  expect(row?.done).toBeDefined();
  expect([...new Set(row?.missed)].sort()).toEqual([...gone].sort());
  for (const id of gone) expect(ended).toContain(`C ${id}`);
}

describe("a worker that dies once", () => {
  test("at any call, before or after it: nobody is left out, few get it twice, and the row is done", async () => {
    const { calls, ...outcome } = await play(() => undefined);
    check({ calls, ...outcome });
    expect(Math.max(...outcome.posts.values())).toBe(1);
    expect(calls).toBeGreaterThan(100);
    let twice = 0;
    for (let at = 0; at < calls; at++) {
      for (const when of ["before", "after"] as const) {
        const one = await play((call) => (call === at ? when : undefined));
        check(one);
        expect(Math.max(...one.posts.values())).toBeLessThanOrEqual(2);
        twice = Math.max(twice, [...one.posts.values()].filter((count) => count > 1).length);
      }
    }
    // Those of the batches that were on their way.
    expect(twice).toBeLessThanOrEqual(3 * THRESHOLD);
    process.stdout.write(`${calls} calls, each died at before and after it: at most ${twice} got it twice\n`);
  });
});

describe("workers that die at random", () => {
  test("as long as each task lives through one of its tries, nobody is left out", async () => {
    let undone = 0;
    for (let seed = 0; seed < 100; seed++) {
      const random = seeded(seed);
      // Deaths end after a while, as the last try of each has to come through.
      const outcome = await play((call) =>
        call < 120 && random() < 0.03 ? (random() < 0.5 ? "before" : "after") : undefined,
      );
      check(outcome);
      undone += outcome.row?.done === undefined ? 1 : 0;
    }
    expect(undone).toBe(0);
  });
});
