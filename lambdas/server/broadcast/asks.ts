import { randomInt } from "node:crypto";
import { SkysocketError } from "../common/errors.ts";
import { type Looks, looks } from "../common/looks.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { AnswerPorts } from "../invocation/outside-calls.ts";
import type { Json } from "../ports/sockets.ts";

/** For an answer. */
const LOOKS: Looks = { first: 50, longest: 1_000 };
/** What `emitWithAck` without `timeout` waits for, in milliseconds. Waiting holds a Lambda, so it cannot be forever. */
export const DEFAULT_ASK_TIMEOUT_MS = 10_000;
/** An invocation lives 29 s (API Gateway's integration timeout): a longer wait could not be kept. */
export const MAX_ASK_TIMEOUT_MS = 25_000;

/**
 * An id for a question to one socket. Random, since invocations share no counter; 30 bits, the 31st stays 0 to tell asks
 * from inbox deliveries, because the Java, C++, C# and Rust clients break above 2^31-1. Never 0.
 */
export const newAskId = (): number => randomInt(1, 2 ** 30);

/**
 * Notes that somebody is asked, before anybody is: only answers that were asked for are kept. A write for each question, so that
 * what a client merely claims to answer costs two reads and not the storing of 32 KB. Nobody waits for it after the invocation.
 */
export function noteAsk(invocation: Invocation, nsp: string, askId: number): Promise<void> {
  // The answer may wait in line behind the event that asks.
  invocation.noteAsk();
  return invocation.ports.store.putAsk(nsp, askId, invocation.deadline);
}

/**
 * How long to wait, in milliseconds. As `setTimeout` takes them, on stock: also as text, and what is no number is 0.
 * @throws SkysocketError when the wait is longer than an invocation can be
 */
export function askTimeout(given: number = DEFAULT_ASK_TIMEOUT_MS): number {
  const ms = Number(given) || 0;
  if (ms <= MAX_ASK_TIMEOUT_MS) return ms;
  throw new SkysocketError(
    "SKY_ASK_TIMEOUT_TOO_LONG",
    `timeout(${ms}): at most ${MAX_ASK_TIMEOUT_MS} ms, since an invocation of Lambda waits for the answer. Let the client send an event instead.`,
  );
}

/** How long, and whether, an answer is waited for. */
export interface Patience {
  /** Milliseconds since the epoch; there is one look after that. */
  readonly until: number;
  /** No answer can come any more: then it is no longer looked for. What the application asked for is still a wait. */
  readonly hopeless?: () => boolean;
}

/** Before the end of an invocation, in milliseconds: who gave no answer by then has given none, and the callback can still be called. */
const RESERVE_MS = 500;

/** Until when an answer that is asked for now is waited for in an invocation, in milliseconds since the epoch. */
export const answerUntil = ({ ports, deadline }: Invocation, timeout: number): number =>
  Math.min(ports.clock.now() + timeout, deadline - RESERVE_MS);

/**
 * Waits for a client's answer, which arrives in another invocation and is stored by it.
 * @returns its arguments as JSON, or undefined if none came
 */
export async function awaitAnswer(
  { store, clock }: AnswerPorts,
  socketId: string,
  askId: number,
  { until, hopeless = () => false }: Patience,
): Promise<Json | undefined> {
  const nextWait = looks(LOOKS);
  for (;;) {
    const inVain = hopeless();
    const answer = inVain ? undefined : await store.readAnswer(socketId, askId);
    if (answer !== undefined) return answer;
    const left = until - clock.now();
    if (left <= 0) return undefined;
    await clock.sleep(inVain ? left : Math.min(nextWait(), left));
  }
}
