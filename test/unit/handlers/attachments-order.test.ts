import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type PacketStanding, standingOf } from "../../../lambdas/handlers/binary/attachments-order.ts";
import type { Part } from "../../../lambdas/server/ports/parts.ts";

type Frame = Exclude<Part, { kind: "done" }>;

const connectionId = "C=";
const header = (id: string, at: number, attachments = 1): Frame => ({
  ...{ connectionId, id, at },
  ...{ kind: "header", text: id, attachments },
});
const attachment = (id: string, at: number, content = id): Frame => ({
  ...{ connectionId, id, at },
  ...{ kind: "attachment", bytes: Buffer.from(content) },
});
const done = (id: string, at: number, until: number, ...taken: string[]): Part => ({
  ...{ connectionId, id, at },
  ...{ kind: "done", until, taken },
});

/** `whole h: a b`, or the kind and what is wrong. */
function show(standing: PacketStanding): string {
  if (standing.kind === "whole") {
    return `whole ${standing.header.id}: ${standing.attachments.map(({ id }) => id).join(" ")}`;
  }
  return "fault" in standing ? `${standing.kind}: ${standing.fault}` : standing.kind;
}

const cases: readonly (readonly [name: string, parts: readonly Part[], id: string, standing: string])[] = [
  ["a header alone", [header("h", 1)], "h", "open"],
  ["an attachment alone", [attachment("a", 1)], "a", "unsettled: stray"],
  ["header and attachment of one time", [attachment("a", 1), header("h", 1)], "a", "whole h: a"],
  ["an attachment before its header", [attachment("a", 1), header("h", 2)], "a", "unsettled: stray"],
  [
    "attachments of different times, in the order of time",
    [attachment("b", 3), attachment("a", 2), header("h", 1, 2)],
    "h",
    "whole h: a b",
  ],
  ["one of two attachments", [header("h", 1, 2), attachment("a", 2)], "a", "open"],
  [
    "two attachments of one time",
    [header("h", 1, 2), attachment("a", 2), attachment("b", 2)],
    "h",
    "hopeless: same time",
  ],
  [
    "two equal attachments of one time",
    [header("h", 1, 2), attachment("a", 2, "x"), attachment("b", 2, "x")],
    "h",
    "whole h: a b",
  ],
  ["two headers of one time", [header("h", 1), header("i", 1)], "h", "hopeless: same time"],
  [
    "two packets, each of its own time: the second",
    [header("h", 1), attachment("a", 1), header("i", 2), attachment("b", 2)],
    "b",
    "whole i: b",
  ],
  [
    "the next header in the millisecond of the last attachment",
    [header("h", 1), attachment("a", 2), header("i", 2), attachment("b", 3)],
    "h",
    "whole h: a",
  ],
  [
    "that header, while the first packet is not yet done and may have its attachment",
    [header("h", 1), attachment("a", 2), header("i", 2)],
    "i",
    "behind",
  ],
  ["that header, after the first packet is done", [done("h", 1, 2, "a"), header("i", 2)], "i", "open"],
  [
    "header and attachment, after the first packet is done",
    [done("h", 1, 2, "a"), header("i", 2), attachment("b", 3)],
    "i",
    "whole i: b",
  ],
  [
    "the first packet, after the second is done",
    [header("h", 1), attachment("a", 2), done("i", 2, 3, "b")],
    "h",
    "whole h: a",
  ],
  [
    "an attachment that may have come before the header",
    [header("h", 1), attachment("a", 2), header("i", 2), attachment("b", 2, "a")],
    "b",
    "unsettled: same time",
  ],
  [
    "a header before the last packet is whole",
    [header("h", 1), header("i", 2)],
    "i",
    "unsettled: unfinished",
  ],
  [
    "a packet done in the middle of an unfinished one",
    [header("h", 1), done("i", 2, 3, "b"), attachment("a", 4)],
    "a",
    "unsettled: unfinished",
  ],
  ["too many attachments", [header("h", 1), attachment("a", 2), attachment("b", 3)], "b", "unsettled: stray"],
  ["a frame of a packet that is done", [done("h", 1, 2, "a"), attachment("a", 2)], "a", "taken"],
  ["the header of a packet that is done", [done("h", 1, 2, "a")], "h", "taken"],
  [
    "an attachment out of the time of a done packet",
    [done("h", 1, 3, "b"), attachment("a", 2)],
    "a",
    "hopeless: too late",
  ],
  [
    "a header out of the time of a done packet",
    [done("h", 1, 3, "b"), header("i", 2)],
    "i",
    "hopeless: too late",
  ],
  [
    "a frame of the only time of a done packet",
    [done("h", 1, 1, "a"), header("i", 1)],
    "i",
    "hopeless: too late",
  ],
];

describe("which attachments belong to which header", () => {
  test.each(cases)("%s", (_, parts, id, standing) => {
    expect(show(standingOf(parts, id))).toBe(standing);
    expect(show(standingOf(parts.toReversed(), id))).toBe(standing);
  });

  /** What a client wrote: packets one after the other, with the milliseconds that pass before each frame. */
  const wires = fc.array(
    fc.array(fc.record({ wait: fc.constantFrom(0, 0, 1, 2), content: fc.constantFrom("x", "y") }), {
      minLength: 2,
      maxLength: 4,
    }),
    { minLength: 1, maxLength: 4 },
  );

  const toFrames = (wire: readonly (readonly { wait: number; content: string }[])[]): Frame[] => {
    let at = 0;
    return wire.flatMap((frames, packet) =>
      frames.map(({ wait, content }, index) => {
        at += wait;
        if (index === 0) return header(`h${packet}`, at, frames.length - 1);
        return attachment(`h${packet}.${index}`, at, content);
      }),
    );
  };

  test("a packet that looks whole is the one that was sent, once everything received until then is there", () => {
    let wholes = 0;
    fc.assert(
      fc.property(wires, fc.infiniteStream(fc.nat()), fc.nat(3), (wire, picks, claimed) => {
        const sent = toFrames(wire);
        // As it is after some packets have been put together, and with the rest in any order.
        const finished = sent.filter(({ id }) => Number(id.slice(1, 2)) < claimed);
        const firstOpen = sent.find((frame) => !finished.includes(frame));
        if (finished.some(({ at }) => at === firstOpen?.at)) return;
        const parts: Part[] = sent.filter((frame) => !finished.includes(frame));
        for (const frame of finished.filter(({ kind }) => kind === "header")) {
          const mine = finished.filter(({ id }) => id.startsWith(`${frame.id}.`));
          parts.push(done(frame.id, frame.at, mine.at(-1)?.at ?? 0, ...mine.map(({ id }) => id)));
        }
        const shuffled = parts
          .map((part) => ({ part, rank: picks.next().value ?? 0 }))
          .toSorted((a, b) => a.rank - b.rank)
          .map(({ part }) => part);
        for (const { id } of sent) {
          const standing = standingOf(shuffled, id);
          if (standing.kind !== "whole") continue;
          wholes++;
          const expected = sent.filter((frame) => frame.id.startsWith(`${standing.header.id}.`));
          const contentOf = (frame: Frame) => frame.kind === "attachment" && String(frame.bytes);
          expect(standing.attachments.map(contentOf)).toEqual(expected.map(contentOf));
        }
      }),
      { numRuns: 3_000 },
    );
    expect(wholes).toBeGreaterThan(1_000);
  });

  test("packets whose frames each have a millisecond of their own are always told apart", () => {
    fc.assert(
      fc.property(wires, (wire) => {
        const sent = toFrames(wire.map((frames) => frames.map((frame) => ({ ...frame, wait: 1 }))));
        for (const { id } of sent) {
          const whose = `${id.slice(0, 2)}.`;
          const mine = sent.filter((frame) => frame.id.startsWith(whose)).map((frame) => frame.id);
          expect(show(standingOf(sent, id))).toBe(`whole ${id.slice(0, 2)}: ${mine.join(" ")}`);
        }
      }),
    );
  });
});
