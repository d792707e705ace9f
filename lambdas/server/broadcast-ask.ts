import { awaitAnswer } from "./asks.ts";
import { fromBinaryJson } from "./binary-json.ts";
import { type Audience, resolveMembers } from "./delivery.ts";
import type { Effect } from "./effect.ts";
import type { EventPacket } from "./event-packet.ts";
import type { Invocation } from "./invocation.ts";
import type { Member } from "./ports.ts";
import { postToAll, toReceiver } from "./post-to-all.ts";

/** What came back of a question to several sockets. */
export interface Responses {
  /** The first value of each answer. */
  readonly responses: readonly unknown[];
  /** False when the time was over before all had answered. */
  readonly complete: boolean;
}

/**
 * Posts a question to everybody in the audience, then waits for all of them. Answers are kept by socket, so that only those
 * who were asked count. Each look costs a read for each socket that has not answered.
 */
export function askMembers(
  invocation: Invocation,
  audience: Audience,
  packet: EventPacket,
  askId: number,
  timeout: number,
): { readonly sent: Effect<void>; readonly answers: Promise<Responses> } {
  let members: readonly Member[] = [];
  const sent = invocation.act("a question to several sockets", async () => {
    members = await resolveMembers(invocation, audience);
    return { rest: postToAll(invocation, members.map(toReceiver), packet).then(() => undefined) };
  });
  const answers = sent.then(async (): Promise<Responses> => {
    const all = await Promise.all(members.map(({ id }) => awaitAnswer(invocation, id, askId, timeout)));
    const came = all.filter((json) => json !== undefined);
    return { responses: came.map(firstValue), complete: came.length === members.length };
  });
  return { sent, answers };
}

function firstValue(json: string): unknown {
  const values = fromBinaryJson(json);
  return Array.isArray(values) ? values[0] : undefined;
}

/** Back from how a connection listener's answers are recorded. */
export function toResponses(recorded: readonly unknown[] | undefined): Responses {
  const [complete, responses] = recorded ?? [];
  return { complete: complete === true, responses: Array.isArray(responses) ? responses : [] };
}
