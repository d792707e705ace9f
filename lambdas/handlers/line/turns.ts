import type { Whole } from "../../protocol/packets.ts";
import { SkysocketError } from "../../server/common/errors.ts";
import type { LinePosition } from "../../server/ports/sockets.ts";
import { type CountedMessage, isCounted, type LineMessage, NOTHING_DONE } from "./messages.ts";
import { GAP_MS } from "./timing.ts";

/** Frames of a client that are kept until those before them have come: as many as a queue takes of one client in a second. */
const MAX_EARLY = 300;
/** The same in characters. */
const MAX_EARLY_LENGTH = 1_000_000;
/** Clocks of two instances may differ by so much, in milliseconds. */
const SKEW_MS = 500;

type Fault = Extract<Whole, { kind: "fault" }>;

/** What is to be done with the messages of a client that counts its frames. */
export interface Turns {
  /** In the order in which they are run. */
  readonly run: readonly LineMessage[];
  /** What the connection is closed for when it is this message's turn. */
  readonly faults: ReadonlyMap<LineMessage, Fault>;
  /** Others were sent before them that have not come. */
  readonly early: readonly CountedMessage[];
  /** There is nothing to do for these: they have been run, or are there twice. */
  readonly over: readonly LineMessage[];
}

/**
 * @param messages but for $disconnect
 * @param kept what came early in earlier batches
 * @param isAnswer is a frame without a count a client's answer? Those are not counted
 */
export function turnsOf(
  messages: readonly LineMessage[],
  kept: readonly CountedMessage[],
  row: LinePosition,
  isAnswer: (message: LineMessage) => boolean,
): Turns {
  const { inTurn, early, over, next } = sorted([...kept, ...messages.filter(isCounted)], nextOf(row));
  const others = messages.filter((message) => !isCounted(message));
  const strays = others.filter((message) => message.kind === "frame" && !isAnswer(message));
  const faults = new Map(strays.map((message) => [message, STRAY]));
  const checks = others.filter(({ kind }) => kind === "gap");
  const due = checks.find(({ at }) => row.gap !== undefined && at - row.gap >= GAP_MS - SKEW_MS);
  const last = early.at(-1);
  const isFlood =
    early.length > MAX_EARLY || early.reduce((sum, { body }) => sum + body.length, 0) > MAX_EARLY_LENGTH;
  if (last && isFlood) faults.set(last, lost(`${early.length} were kept for it`, next));
  else if (due && last && inTurn.length === 0) faults.set(due, lost(`${early.length} wait for it`, next));
  const closing = [...faults.keys()].filter((message) => message === last || message === due);
  return {
    run: [...inTurn, ...others.filter(({ kind }) => kind !== "gap"), ...closing],
    faults,
    early: early.filter((message) => !closing.includes(message)),
    over: [...over, ...checks.filter((message) => !closing.includes(message))],
  };
}

/** The count of the frame that comes next. */
function nextOf({ done = NOTHING_DONE }: LinePosition): number {
  const digits = done.slice(NOTHING_DONE.length);
  return done.startsWith(NOTHING_DONE) && digits !== "" ? Number(digits) + 1 : 0;
}

function sorted(frames: readonly CountedMessage[], first: number) {
  const inTurn: CountedMessage[] = [];
  const early = new Map<number, CountedMessage>();
  const over: CountedMessage[] = [];
  let next = first;
  for (const frame of frames.toSorted((a, b) => a.count - b.count)) {
    if (frame.count < next || early.has(frame.count)) over.push(frame);
    else if (frame.count > next) early.set(frame.count, frame);
    else next = inTurn.push(frame) + first;
  }
  return { inTurn, early: [...early.values()], over, next };
}

const STRAY: Fault = {
  kind: "fault",
  reason: "forced close",
  error: new Error("a packet without a count, of a client that counts its packets"),
};

/** The client connects again, and knows that it has to. */
const lost = (why: string, count: number): Fault => ({
  kind: "fault",
  reason: "transport error",
  error: new SkysocketError(
    "SKY_LINE_GAP",
    `frame ${count} of a client has not come, while later ones have (${why}): the send of it to the queue was refused or lost, or the client has not sent it. Its connection is closed, so that it connects again.`,
  ),
});
