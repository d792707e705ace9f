import { expect, test } from "@jest/globals";
import { decide, viewLimit } from "../../../../lambdas/server/inbox/window.ts";
import type { InboxEvent, InboxOpener, InboxView } from "../../../../lambdas/server/ports/inbox.ts";

/** Until then a batch may still be being posted. */
const UNTIL = 1_000;

const event = (n: number, data = '["mail"]'): InboxEvent => ({
  nsp: "/",
  inbox: "ada",
  key: `000000${1_000 + n}`,
  tag: "t",
  data,
});
const named = (n: number): string => `000000${1_000 + n}t`;
const view = (numbers: readonly number[], more = false): InboxView => ({
  events: numbers.map((n) => event(n)),
  more,
});
const opener = (changes: Partial<InboxOpener>): InboxOpener => ({
  nsp: "/",
  inbox: "ada",
  id: "socket",
  connectionId: "C=",
  connectedAt: 0,
  number: 0,
  window: 4,
  state: "draining",
  sent: [],
  nextSeq: 0,
  posting: false,
  until: UNTIL,
  version: "v",
  ...changes,
});
const sent = (...numbers: number[]) => numbers.map((n) => ({ event: named(n), seq: n }));

test("live: the emitter sends its event while all that waits fits, and nobody sends one that was in a batch", () => {
  const live = opener({ state: "live" });
  expect(decide(live, view([1, 2, 3, 4]), { now: 0, own: named(4) })).toEqual({ kind: "post" });
  expect(decide({ ...live, sent: sent(4) }, view([1, 2, 3, 4]), { now: 0, own: named(4) })).toEqual({
    kind: "leave",
  });
  expect(decide(live, view([1, 2]), { now: 0, own: named(3) })).toEqual({ kind: "leave" });
  expect(decide(live, view([1, 2]), { now: 0 })).toEqual({ kind: "leave" });
});

test("live: beyond the window the socket drains, and what others put is taken to be sent", () => {
  const live = opener({ state: "live", sent: sent(1, 9), last: named(1) });
  expect(decide(live, view([1, 2, 3, 4, 5]), { now: 0, own: named(5) })).toEqual({
    kind: "change",
    batch: [],
    change: {
      state: "draining",
      sent: [...sent(1), { event: named(2) }, { event: named(3) }, { event: named(4) }],
      nextSeq: 0,
      posting: false,
      until: UNTIL,
    },
  });
});

test("draining: an emitter takes its event out of what is believed to be sent", () => {
  const full = opener({ sent: [...sent(1, 2, 3), { event: named(4) }], last: named(3) });
  expect(decide(full, view([1, 2, 3, 4]), { now: 0, own: named(4) })).toMatchObject({
    change: { state: "draining", sent: sent(1, 2, 3), last: named(3) },
  });
  expect(decide(full, view([1, 2, 3, 4, 5]), { now: 0, own: named(5) })).toEqual({ kind: "leave" });
});

test("draining: the next batch follows when half of the window is free and the last one is known to be posted", () => {
  const half = opener({ sent: sent(1, 2, 3, 4), last: named(4), nextSeq: 5 });
  const next = {
    change: { sent: [...sent(1, 2), ...sent(5, 6)], last: named(6), nextSeq: 7, state: "draining" },
  };
  expect(decide(half, view([1, 2, 5, 6, 7]), { now: 0 })).toMatchObject(next);
  expect(decide(half, view([1, 2, 3, 5, 6]), { now: 0 })).toEqual({ kind: "leave" });
  expect(decide(half, view([3, 4, 5, 6, 7]), { now: 0 })).toEqual({ kind: "leave" });
  expect(decide({ ...half, posting: true }, view([1, 2, 5, 6, 7]), { now: 0 })).toEqual({ kind: "leave" });
  // Who has posted it need not wait for that.
  expect(
    decide({ ...half, posting: true }, view([3, 4, 5, 6, 7]), { now: 0, posted: named(4) }),
  ).toMatchObject({
    batch: [{ seq: 5 }, { seq: 6 }],
  });
});

test("draining: an event that is never acknowledged holds up what comes after it no longer than its batch may be being posted", () => {
  const dead = opener({ sent: sent(1, 2, 3, 4), last: named(4), nextSeq: 5, posting: true });
  expect(decide(dead, view([4, 5, 6]), { now: UNTIL })).toEqual({ kind: "leave" });
  expect(decide(dead, view([4, 5, 6]), { now: UNTIL + 1 })).toMatchObject({
    batch: [{ seq: 5 }, { seq: 6 }],
  });
  // It still takes its place in the window.
  expect(decide(dead, view([2, 3, 4, 5]), { now: UNTIL + 1 })).toEqual({ kind: "leave" });
  expect(decide(dead, view([4]), { now: UNTIL + 1 })).toMatchObject({ change: { state: "settling" } });
});

test("draining: what lies behind the view is believed to wait", () => {
  const far = opener({ sent: sent(7, 8, 9), last: named(9) });
  expect(decide(far, view([1, 2, 3], true), { now: 0 })).toEqual({ kind: "leave" });
  expect(decide({ ...far, sent: [], last: named(3) }, view([1, 2], true), { now: 0 })).toEqual({
    kind: "leave",
  });
});

test("draining: what had the last key of the view before is gone", () => {
  const reused = opener({ sent: [{ event: `${event(3).key}u`, seq: 0 }] });
  expect(decide(reused, view([1, 2, 3], true), { now: 0 })).toMatchObject({ batch: [{}, {}, {}] });
});

test("going live takes two looks, and an event that is found at the second is sent", () => {
  const done = opener({ sent: sent(1), last: named(2) });
  expect(decide(done, view([1]), { now: 0 })).toMatchObject({ change: { state: "settling" }, batch: [] });
  const settling: InboxOpener = { ...done, state: "settling" };
  expect(decide(settling, view([1]), { now: 0 })).toMatchObject({ change: { state: "live" }, batch: [] });
  expect(decide(settling, view([1, 3]), { now: 0 })).toMatchObject({
    change: { state: "settling" },
    batch: [{ seq: 0 }],
  });
});

test("an emitter that cannot send its event makes who is about to go live look again", () => {
  const busy = opener({ state: "settling", sent: sent(1, 2), last: named(2) });
  expect(decide(busy, view([1, 2, 3]), { now: 0, own: named(3) })).toMatchObject({
    change: { state: "draining", sent: sent(1, 2) },
    batch: [],
  });
});

test("numbers begin again at 0 before they need more bits", () => {
  const late = opener({ nextSeq: 2 ** 24 - 1 });
  expect(decide(late, view([1, 2]), { now: 0 })).toMatchObject({
    change: { nextSeq: 1 },
    batch: [{ seq: 2 ** 24 - 1 }, { seq: 0 }],
  });
});

test("a window of 128 KB may hold one event that is larger, in whatever form it waits", () => {
  const large = event(1, "x".repeat(200_000));
  const both = { events: [large, event(2)], more: false };
  expect(decide(opener({}), both, { now: 0 })).toMatchObject({ batch: [{ event: large }] });
  expect(
    decide(opener({ state: "live" }), { events: [large], more: false }, { now: 0, own: named(1) }),
  ).toEqual({
    kind: "post",
  });
  expect(decide(opener({ state: "live" }), both, { now: 0, own: named(2) })).toMatchObject({
    kind: "change",
  });
});

test("a look is as large as a window and the half that may follow, and one to see that there is more", () => {
  expect([viewLimit(32), viewLimit(1), viewLimit(100)]).toEqual([49, 2, 151]);
});
