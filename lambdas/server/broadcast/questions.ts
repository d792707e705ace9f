import { fromBinaryJson } from "../common/binary-json.ts";
import { Effect, resolved } from "../common/effect.ts";
import type { Acting, NamespaceServer } from "../declared/namespace-core.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { AnswerPorts } from "../invocation/outside-calls.ts";
import type { Participant } from "../invocation/participant.ts";
import type { AnswerPlace } from "../invocation/recorded-answers.ts";
import { scopes } from "../invocation/scope.ts";
import type { Json } from "../ports/sockets.ts";
import type { Stay } from "../shared/stay.ts";
import { answerUntil, newAskId } from "./asks.ts";

/** An event that asks for an answer, of one socket or of several. */
export interface Question<Sent, Answer> {
  readonly event: string;
  /** How long its answer is waited for, in milliseconds. */
  readonly timeout: number;
  send(invocation: Invocation, id: number): Effect<Sent>;
  /** @param how `until` in milliseconds since the epoch */
  wait(ports: AnswerPorts, sent: Sent, how: { readonly id: number; readonly until: number }): Promise<Answer>;
  toRecord(answer: Answer): Json;
  fromRecord(recorded: Json): Answer;
}

export interface Asked<Answer> {
  /** Who does not look at it is told of a failure by the answer. */
  readonly sent: Effect<void>;
  readonly answer: Promise<Answer>;
  /** Calls what waits for it, with the shared variables of its namespace. */
  readonly call: <T>(callback: () => T | Promise<T>) => Promise<T>;
}

/** How an answer is waited for. */
export interface Waiting {
  /** The code that asks does, and goes on with it; else a function is called. */
  readonly inCode: boolean;
}

/**
 * Asks, and waits for the answer. What a connection listener got in its first run is what its replays get.
 * @param acting undefined where no event is running
 */
export function ask<Sent, Answer>(
  server: NamespaceServer,
  acting: Acting | undefined,
  question: Question<Sent, Answer>,
  { inCode }: Waiting,
): Asked<Answer> {
  if (!acting) return askOutside(server, question);
  const { invocation, socket, mode } = acting;
  const { stay } = scopes.getStore() ?? {};
  socket?.note("ask", question.event);
  const place = socket?.nextAnswer();
  if (socket && mode === "replay") {
    const answer = recordedAnswer(socket, place).then(question.fromRecord);
    return { sent: resolved(undefined), answer, call: called };
  }
  const id = newAskId();
  const sent = question.send(invocation, id);
  const answer = sent.then(async (asked) => {
    const until = answerUntil(invocation, question.timeout);
    const wait = (): Promise<Answer> => question.wait(invocation.ports, asked, { id, until });
    const got = stay ? await waitWithout(stay, wait, invocation, inCode) : await wait();
    if (place) socket?.recordAnswer(place, question.toRecord(got));
    return got;
  });
  return { sent: done(sent), answer, call: (callback) => (stay ? within(stay, callback) : called(callback)) };
}

/** Others have the shared variables while a client is asked. */
async function waitWithout<T>(
  stay: Stay,
  wait: () => Promise<T>,
  { ports: { clock } }: Invocation,
  inCode: boolean,
): Promise<T> {
  if (inCode) return await stay.pauseFor(wait, () => clock.turn());
  const end = stay.owner.beginAsk();
  return await wait().finally(end);
}

/** A function that is called back is code of its own: what asked may be over. */
async function within<T>({ owner }: Stay, callback: () => T | Promise<T>): Promise<T> {
  const stay = await owner.enter("an acknowledgement callback");
  const scope = scopes.getStore();
  try {
    return await (scope ? scopes.run({ ...scope, stay }, callback) : callback());
  } finally {
    stay.leave();
  }
}

const called = async <T>(callback: () => T | Promise<T>): Promise<T> => await callback();

function askOutside<Sent, Answer>(
  server: NamespaceServer,
  { event, timeout, ...question }: Question<Sent, Answer>,
): Asked<Answer> {
  const id = newAskId();
  const { stay } = scopes.getStore() ?? {};
  const what = `emit(${JSON.stringify(event)})`;
  const sent = server.actOutside(what, (invocation) => question.send(invocation, id));
  const answer = sent.then((asked) => {
    const ports = server.outside.answers;
    const wait = (): Promise<Answer> =>
      question.wait(ports, asked, { id, until: ports.clock.now() + timeout });
    return stay ? stay.pauseFor(wait, () => Promise.resolve()) : wait();
  });
  return { sent: done(sent), answer, call: called };
}

/** What the first run got at this place. It never comes if the first run died before it had it: the replay's cap ends it. */
export function recordedAnswer(
  socket: Pick<Participant, "answers">,
  place: AnswerPlace | undefined,
): Promise<Json> {
  const json = place && socket.answers.get(place);
  return json === undefined ? new Promise(() => undefined) : Promise.resolve(json);
}

/** The values of an answer; undefined if it is none. */
export function toArguments(json: Json | undefined): unknown[] | undefined {
  const values = json === undefined ? undefined : fromBinaryJson(json);
  return Array.isArray(values) ? values : undefined;
}

export const timedOut = (): Error => new Error("operation has timed out");

/** The same without its value. */
const done = (effect: Effect<unknown>): Effect<void> =>
  Effect.of(
    effect.then(() => undefined),
    () => undefined,
  );
