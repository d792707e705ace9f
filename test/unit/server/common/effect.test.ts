import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { Effect } from "../../../../lambdas/server/common/effect.ts";

/** Node tells of unhandled rejections after the microtasks, and Jest fails the test in which there is one. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 3; i++) await turn();
};

const failure = new Error("the post failed");

function bench() {
  const reported: unknown[] = [];
  const start = (work: Promise<unknown>) => Effect.of(work, (error) => reported.push(error));
  return { reported, start };
}

describe("a failure", () => {
  test("that nobody looks at is reported once, and is no unhandled rejection", async () => {
    const { reported, start } = bench();
    start(Promise.reject(failure));
    await settle();
    expect(reported).toEqual([failure]);
  });

  test.each<[string, (effect: Effect<unknown>) => Promise<unknown>]>([
    ["await", async (effect) => await effect],
    ["then", (effect) => effect.then(() => undefined)],
    ["catch", (effect) => effect.catch((error) => Promise.reject(error))],
    ["finally", (effect) => effect.finally(() => undefined)],
    ["Promise.all", (effect) => Promise.all([effect])],
    ["returning it from an async function", (effect) => (async () => effect)()],
  ])("that is looked at by %s is the looker's business", async (_, look) => {
    const { reported, start } = bench();
    await expect(look(start(Promise.reject(failure)))).rejects.toBe(failure);
    await settle();
    expect(reported).toEqual([]);
  });

  test("that somebody looks at late, but before it happens, is the looker's business", async () => {
    const { reported, start } = bench();
    let fail = (_: Error): void => undefined;
    const effect = start(
      new Promise((_, reject) => {
        fail = reject;
      }),
    );
    await settle();
    const looked = expect(effect).rejects.toBe(failure);
    fail(failure);
    await looked;
    await settle();
    expect(reported).toEqual([]);
  });
});

describe("a success", () => {
  test("gives its value, and nothing is reported", async () => {
    const { reported, start } = bench();
    expect(await start(Promise.resolve(7))).toBe(7);
    start(Promise.resolve(8));
    await settle();
    expect(reported).toEqual([]);
  });

  test("what is derived from it is a plain promise", () => {
    const { start } = bench();
    const effect = start(Promise.resolve(7));
    expect(effect).toBeInstanceOf(Promise);
    expect(effect.then(() => 1)).not.toBeInstanceOf(Effect);
    expect(Boolean(effect)).toBe(true);
  });
});
