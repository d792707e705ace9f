import { toBinaryJson } from "../common/binary-json.ts";
import type { Effect } from "../common/effect.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { AnswerPorts } from "../invocation/outside-calls.ts";
import type { Member } from "../ports/rooms.ts";
import type { Json } from "../ports/sockets.ts";
import { type EventPacket, postToAll, toReceiver, withoutTheSlow } from "../posting/post-to-all.ts";
import { awaitAnswer, noteAsk } from "./asks.ts";
import { type Audience, resolveMembers } from "./broadcast.ts";
import { toArguments } from "./questions.ts";

/** What came back of a question to several sockets. */
export interface Responses {
  /** The first value of each answer; if one socket was asked by itself, all values of its answer. */
  readonly responses: readonly unknown[];
  /** False when the time was over before all had answered. */
  readonly complete: boolean;
}

/** Posts a question to everybody in the audience. @returns who was asked */
export function askMembers(
  invocation: Invocation,
  audience: Audience,
  packet: EventPacket,
  id: number,
): Effect<readonly Member[]> {
  return invocation.act("a question to several sockets", async () => {
    const [members] = await Promise.all([
      resolveMembers(invocation, audience),
      noteAsk(invocation, audience.nsp, id),
    ]);
    const posted = postToAll(invocation, members.map(toReceiver), packet);
    return {
      rest: withoutTheSlow(invocation, posted, posted.missed).then(() => members),
    };
  });
}

/**
 * Waits for all of them. Answers are kept by socket, so that only those who were asked count. Each look costs a read for each
 * socket that has not answered.
 * @param how `until` in milliseconds since the epoch
 */
export async function awaitAnswers(
  ports: AnswerPorts,
  members: readonly Member[],
  how: { readonly id: number; readonly until: number; readonly single: boolean },
): Promise<Responses> {
  const all = await Promise.all(members.map(({ id }) => awaitAnswer(ports, id, how.id, how)));
  const came = all.filter((json) => json !== undefined);
  const answers = came.map((json) => toArguments(json) ?? []);
  const responses = how.single ? answers.flat(1) : answers.map(([first]) => first);
  return { responses, complete: came.length === members.length };
}

/** How the answers that a connection listener got are recorded. */
export const recordOf = ({ complete, responses }: Responses): Json => toBinaryJson([complete, responses]);

export function toResponses(recorded: Json): Responses {
  const [complete, responses] = toArguments(recorded) ?? [];
  return { complete: complete === true, responses: Array.isArray(responses) ? responses : [] };
}
