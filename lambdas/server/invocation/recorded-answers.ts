import { MAX_ANSWERS_BYTES } from "../common/row-limits.ts";
import type { Json } from "../ports/sockets.ts";

type Who = "middlewares" | "listeners";

/** The place of one answer: whose, and the how many-th they asked for. */
export interface AnswerPlace {
  readonly who: Who;
  readonly index: number;
}

/** Recorded in place of what is too large to keep: it is looked up again. */
const TOO_LARGE = '"again"';
/** Longest find that is kept, in characters: all of them are part of the socket's row, which is read at each event. */
const MAX_FOUND_LENGTH = 2_048;

/**
 * What connection listeners and middlewares got from outside through us in their first run (answers of clients, sockets
 * found), by the order in which they asked: a replay gets the same.
 */
export class RecordedAnswers {
  readonly #answers: Record<Who, (Json | undefined)[]>;
  /** Of those recorded in this run; replays record nothing. */
  #bytes = 0;
  readonly #asked: Record<Who, number> = { middlewares: 0, listeners: 0 };

  /** @param row as `toRow` gave it */
  constructor([middlewares = "[]", ...listeners]: readonly Json[]) {
    const ofMiddlewares: unknown = JSON.parse(middlewares);
    this.#answers = {
      middlewares: Array.isArray(ofMiddlewares) ? ofMiddlewares.map(String) : [],
      listeners,
    };
  }

  /** They are asked for from the first on, again. */
  rewind(): void {
    this.#asked.middlewares = 0;
    this.#asked.listeners = 0;
  }

  next(who: Who): AnswerPlace {
    return { who, index: this.#asked[who]++ };
  }

  /** Undefined: never recorded, because the first run died before it came. */
  get({ who, index }: AnswerPlace): Json | undefined {
    return this.#answers[who][index];
  }

  /**
   * What a client answered: kept whole, since it cannot be asked for again. A client's frame is 32 KB at most, but there may be
   * several, or a room's.
   * @returns false if there is no place for it: a replay is told that no answer came
   */
  record(place: AnswerPlace, json: Json): boolean {
    const bytes = Buffer.byteLength(json);
    const kept = this.#bytes + bytes <= MAX_ANSWERS_BYTES;
    this.#put(place, kept ? json : "null");
    if (kept) this.#bytes += bytes;
    return kept;
  }

  /** What was found in the table: can be looked up again, if it is much. */
  recordFound(place: AnswerPlace, json: Json): void {
    if (json.length > MAX_FOUND_LENGTH || !this.record(place, json)) this.#put(place, TOO_LARGE);
  }

  #put({ who, index }: AnswerPlace, json: Json): void {
    this.#answers[who][index] = json;
  }

  /** As the row keeps them: those of the middlewares as the first, if there are any at all. */
  toRow(): readonly Json[] {
    const [middlewares, listeners] = [filled(this.#answers.middlewares), filled(this.#answers.listeners)];
    return middlewares.length + listeners.length === 0 ? [] : [JSON.stringify(middlewares), ...listeners];
  }
}

/** Was it too large to keep? */
export const mustLookAgain = (json: Json | undefined): boolean => json === TOO_LARGE;

/** An answer that never came is recorded as such. */
const filled = (answers: readonly (Json | undefined)[]): Json[] => [...answers].map((json) => json ?? "null");
