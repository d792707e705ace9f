import type { Codec } from "../../lambdas/protocol/codec.ts";

interface Line {
  /** The end of the last one so far. */
  last: Promise<unknown>;
  /** How many have not begun yet. */
  waiting: number;
  /** The attachments that come next belong to an answer. */
  answering: boolean;
  /** Of the latest frame, in milliseconds since the epoch. */
  at: number;
}

/**
 * The order of a connection's frames: each begins when the one before it has been worked through. An answer to the server does not
 * wait, since the event at work may be waiting for it. A frame that cannot be read closes the connection.
 */
export class FrameTurns {
  readonly #codec: Codec;
  readonly #lines = new Map<string, Line>();

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  frame<T>(connectionId: string, body: string, work: () => Promise<T>): Promise<T> {
    const line = this.#line(connectionId);
    const frame = this.#codec.decode(body);
    if (isAnswer(line, frame)) return work();
    return frame.kind === "fault" ? afterWaiting(line, work) : take(line, work);
  }

  /** A time for a frame that comes at `at`: later than that of the one before it, so that attachments have an order. */
  timeOf(connectionId: string, at: number): number {
    const line = this.#line(connectionId);
    line.at = Math.max(at, line.at + 1);
    return line.at;
  }

  /** The end of the connection: after the frames that wait, but not after the one at work, which may be waiting for it. */
  end<T>(connectionId: string, work: () => Promise<T>): Promise<T> {
    const line = this.#line(connectionId);
    this.#lines.delete(connectionId);
    return afterWaiting(line, work);
  }

  #line(connectionId: string): Line {
    const known = this.#lines.get(connectionId);
    const line = known ?? { last: Promise.resolve(), waiting: 0, answering: false, at: 0 };
    if (!known) this.#lines.set(connectionId, line);
    return line;
  }
}

function isAnswer(line: Line, frame: ReturnType<Codec["decode"]>): boolean {
  if (frame.kind === "attachment") return line.answering;
  line.answering = frame.kind === "header" && frame.text.startsWith(BINARY_ACK);
  return line.answering || frame.kind === "ack" || frame.kind === "nothing";
}

/** How an answer with attachments begins. */
const BINARY_ACK = "6";

/** What ends a connection: not after the frame at work, which may be waiting for it. */
const afterWaiting = <T>(line: Line, work: () => Promise<T>): Promise<T> =>
  line.waiting > 0 ? take(line, work) : work();

function take<T>(line: Line, work: () => Promise<T>): Promise<T> {
  line.waiting++;
  const turn = line.last.then(() => {
    line.waiting--;
    return work();
  });
  line.last = turn.catch(() => undefined);
  return turn;
}
