import { toBinaryJson } from "../common/binary-json.ts";
import { Effect } from "../common/effect.ts";
import type { AnyFunction } from "../common/typed-events.ts";
import type { Acting } from "../declared/namespace-core.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { AnswerPorts } from "../invocation/outside-calls.ts";
import type { Member } from "../ports/rooms.ts";
import type { Json } from "../ports/sockets.ts";
import { type EventPacket, postToAll, toReceiver, withoutTheSlow } from "../posting/post-to-all.ts";
import { askTimeout, awaitAnswer, noteAsk } from "./asks.ts";
import { type Audience, resolveMembers } from "./broadcast.ts";
import { type Asked, ask, type Question, timedOut, toArguments, type Waiting } from "./questions.ts";
import {
  actingOf,
  audienceOf,
  notifyOutgoing,
  packetFor,
  refuseForParents,
  type Selection,
} from "./selection.ts";

/** What came back of a question to several sockets. */
export interface Responses {
  /** The first value of each answer; if one socket was asked by itself, all values of its answer. */
  readonly responses: readonly unknown[];
  /** False when the time was over before all had answered. */
  readonly complete: boolean;
}

/** Asks all chosen sockets. */
export function askSelected(
  selection: Selection,
  event: string,
  args: readonly unknown[],
  how: Waiting = { inCode: true },
): Asked<Responses> & { readonly acting: Acting | undefined } {
  const what = `emit(${JSON.stringify(event)})`;
  refuseForParents(selection, `${what} with an acknowledgement`);
  const { nsp, single = false } = selection;
  const question: Question<readonly Member[], Responses> = {
    event,
    timeout: askTimeout(selection.timeout),
    send: (invocation, id) => {
      const data = [event, ...args];
      const packet = packetFor(selection, invocation, nsp.name, data, id);
      notifyOutgoing(selection, invocation, data, packet);
      return askMembers(invocation, audienceOf(selection), packet, id);
    },
    wait: (ports, members, how) => awaitAnswers(ports, members, { ...how, single }),
    toRecord: ({ complete, responses }) => toBinaryJson([complete, responses]),
    fromRecord: toResponses,
  };
  const acting = actingOf(selection);
  const { answer, ...asked } = ask(nsp.server, acting, question, how);
  // A replay waits for its listeners itself, and an answer that was never recorded never comes.
  const waits = acting && !(acting.socket && acting.mode === "replay");
  return { ...asked, acting, answer: waits ? acting.invocation.track(what, answer) : answer };
}

/** Calls back with the answers: `(error, answers)`, or of a single socket `(error, …answer)`. */
export function askWithCallback(
  selection: Selection,
  event: string,
  args: readonly unknown[],
  callback: AnyFunction,
): Effect<void> {
  const { acting, sent, answer, call } = askSelected(selection, event, args, { inCode: false });
  const what = `the acknowledgement callback of ${JSON.stringify(event)}`;
  const { single, nsp } = selection;
  const called = answer.then(
    ({ responses, complete }) =>
      call(() => {
        if (!single) return callback(complete ? null : timedOut(), responses);
        return complete ? callback(null, ...responses) : callback(timedOut());
      }),
    (error: unknown) => (single ? callback(error) : callback(error, [])),
  );
  // As for all calls outside of events: it is over when all that it led to is.
  if (!acting) return nsp.server.outside.later(what, called);
  // A replay waits for its listeners itself, and an answer that was never recorded never comes.
  if (acting.mode === "live") void acting.invocation.track(what, called);
  else void Effect.of(called, () => undefined);
  return sent;
}

/** Posts a question to everybody in the audience. @returns who was asked */
function askMembers(
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
async function awaitAnswers(
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

/** Back from how they are recorded. */
function toResponses(recorded: Json): Responses {
  const [complete, responses] = toArguments(recorded) ?? [];
  return { complete: complete === true, responses: Array.isArray(responses) ? responses : [] };
}
