import type { Json, SocketKey } from "../ports/sockets.ts";
import type { AnswerPlace, RecordedAnswers } from "./recorded-answers.ts";

/** A socket as the invocation sees it in which it takes part: SocketCore is one. */
export interface Participant {
  /** What the application changed since the last save, as the write that saves it; undefined if nothing. */
  takeChanges(): (() => Promise<void>) | undefined;
  /** At the end of an event: says what its handlers have put where nothing is kept. */
  reportLost(): void;
  /** Notes an operation of a connection listener, so that replays can be compared with the first run. */
  note(operation: string, name: string): void;
  /** Where the next answer is recorded that a listener or middleware asks for; undefined in event handlers. */
  nextAnswer(): AnswerPlace | undefined;
  readonly answers: RecordedAnswers;
  /** Keeps an answer for replays, or says in the log that it is too large. */
  recordAnswer(place: AnswerPlace, json: Json): void;
  readonly key: SocketKey;
  /** A post has found its connection gone. */
  lose(): void;
}
