import { expect, test } from "@jest/globals";
import { Rounds } from "../../../../lambdas/server/common/rounds.ts";

/** Work that ends when it is told to. */
function heldWork() {
  const begun: { end: () => void; fail: (error: Error) => void }[] = [];
  return {
    begun,
    work: () => new Promise<void>((end, fail) => begun.push({ end, fail })),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("one run at a time; those who ask meanwhile share the next one, which begins after they have asked", async () => {
  const rounds = new Rounds();
  const { begun, work } = heldWork();
  const over: string[] = [];
  const asked = ["first", "second", "third"].map((name) => rounds.run(work).then(() => over.push(name)));
  await turn();
  expect(begun).toHaveLength(1);
  begun[0]?.end();
  await turn();
  expect([begun.length, over]).toEqual([2, ["first"]]);
  // While the second is under way: it may not have seen what this one has done.
  asked.push(rounds.run(work).then(() => over.push("fourth")));
  begun[1]?.end();
  await turn();
  expect([begun.length, over]).toEqual([3, ["first", "second", "third"]]);
  begun[2]?.end();
  await Promise.all(asked);
  expect(over).toEqual(["first", "second", "third", "fourth"]);
});

test("a run that fails is the failure of those who shared it alone", async () => {
  const rounds = new Rounds();
  const { begun, work } = heldWork();
  const [first, second, third] = [rounds.run(work), rounds.run(work), rounds.run(work)];
  begun[0]?.fail(new Error("refused"));
  await expect(first).rejects.toThrow("refused");
  await turn();
  begun[1]?.end();
  await Promise.all([second, third]);
  const again = rounds.run(work);
  begun[2]?.end();
  await again;
  expect(begun).toHaveLength(3);
});
