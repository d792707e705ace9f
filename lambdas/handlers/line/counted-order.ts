import { randomUUID } from "node:crypto";
import type { EarlyFrame } from "../../server/ports/early.ts";
import type { LinePosition } from "../../server/ports/sockets.ts";
import type { Packet } from "../packets/packet.ts";
import type { LineContext } from "./context.ts";
import type { EndBody } from "./ends.ts";
import {
  type CountedMessage,
  endBody,
  isCounted,
  type LineMessage,
  NOTHING_DONE,
  placeOf,
  watchBody,
} from "./messages.ts";
import { LAST_WORDS_MS } from "./timing.ts";
import { type Turns, turnsOf } from "./turns.ts";

/**
 * The order of a client that counts its frames (`skysocket/client`), whatever API Gateway makes of it: a frame is run when all
 * before it have been. Those that come early are kept in the table, and their messages are deleted: as long as one of a connection
 * is in flight, SQS hands out none behind it. The batch that brings the missing frame runs them. A gap is watched: if it stays open
 * the connection is closed, since a client whose events are lost in silence is worse off than one that connects again.
 */
export class CountedOrder {
  readonly #context: LineContext;
  readonly #connectionId: string;
  readonly #messages: readonly LineMessage[];
  readonly #row: LinePosition;
  /** What came early in earlier batches. */
  readonly #kept: readonly CountedMessage[];
  readonly #turns: Turns;
  #settling: Promise<void> | undefined;

  /** One read, and only if frames are kept, or are said to be. @returns undefined for a client that does not count */
  static async of(
    context: LineContext,
    connectionId: string,
    messages: readonly LineMessage[],
    row: LinePosition,
  ): Promise<CountedOrder | undefined> {
    if (!messages.some(isCounted) && !row.done?.startsWith(NOTHING_DONE)) return undefined;
    // A row may have been told last by an instance that had stood still.
    const mayBeKept = row.gap !== undefined || messages.some(({ kind }) => kind === "gap");
    const kept = mayBeKept ? await context.ports.store.readEarly(connectionId) : [];
    // If an instance died that ran one of these, it had messages of this batch.
    const deliveries = Math.max(...messages.map((message) => message.deliveries));
    const stored = kept.map((frame) => ({
      ...{ ...frame, kind: "frame" as const, place: placeOf(frame.count), sequence: "", record: undefined },
      ...{ messageId: "", receipt: "", deliveries, deliveredAt: frame.at },
    }));
    return new CountedOrder(context, connectionId, messages, row, stored);
  }

  private constructor(
    context: LineContext,
    connectionId: string,
    messages: readonly LineMessage[],
    row: LinePosition,
    kept: readonly CountedMessage[],
  ) {
    this.#context = context;
    this.#connectionId = connectionId;
    this.#messages = messages;
    this.#row = row;
    this.#kept = kept;
    const { codec } = context.server;
    this.#turns = turnsOf(
      messages.filter(({ kind }) => kind !== "disconnect"),
      kept,
      row,
      ({ body }) => ["ack", "nothing"].includes(codec.decode(body).kind),
    );
  }

  /** In the order in which they are run. */
  get run(): readonly LineMessage[] {
    return this.#turns.run;
  }

  /** Those of the batch that there is nothing to do for. */
  get over(): readonly LineMessage[] {
    return this.#turns.over;
  }

  /** What the connection is closed for when it is this message's turn. */
  faultOf(message: LineMessage): Packet | undefined {
    return this.#turns.faults.get(message);
  }

  /**
   * Before the messages that were begun are deleted: keeps what came early, and tells the row how far the client's frames are, which
   * the next batch has to know. Done twice, it is done once.
   * @returns the messages that can be deleted as well
   */
  async settle(begun: ReadonlySet<LineMessage>): Promise<readonly LineMessage[]> {
    this.#settling ??= this.#settle(begun);
    await this.#settling;
    return this.#messages.filter((message) => message.kind === "disconnect" || this.#isEarly(message));
  }

  async #settle(begun: ReadonlySet<LineMessage>): Promise<void> {
    const { store, clock } = this.#context.ports;
    const { early, run, over, faults } = this.#turns;
    const done = run.reduce(
      (last, message) => (isCounted(message) && begun.has(message) ? message.place : last),
      this.#row.done ?? NOTHING_DONE,
    );
    const isClosing = faults.size > 0;
    const left = this.#kept.filter((message) => run.includes(message) && !begun.has(message));
    const isOpen = !isClosing && early.length + left.length > 0;
    const since = done === this.#row.done ? this.#row.gap : undefined;
    const gap = isOpen ? (since ?? clock.now()) : undefined;
    if (done !== this.#row.done || gap !== this.#row.gap) {
      await store.countLine(this.#connectionId, { done, ...(gap !== undefined && { gap }) });
    }
    const fresh = early.filter((message) => !this.#kept.includes(message));
    if (isOpen && fresh.length > 0) await store.putEarly(fresh.map(toEarly));
    if (isOpen && this.#needsWatch) await this.#watch();
    const gone = this.#kept.filter((message) => begun.has(message) || over.includes(message));
    if (gone.length > 0) await store.deleteEarly(gone);
    if (this.#messages.some(({ kind }) => kind === "disconnect")) await this.#putBackEnd();
  }

  #isEarly(message: LineMessage): boolean {
    return this.#turns.early.some((early) => early === message);
  }

  /** Nobody watches yet, or not any more; or whoever was about to may have died. */
  get #needsWatch(): boolean {
    const isAgain = this.#messages.some(({ kind, deliveries }) => kind === "gap" || deliveries > 1);
    return this.#row.gap === undefined || isAgain;
  }

  async #watch(): Promise<void> {
    const id = randomUUID();
    const body = watchBody(this.#connectionId, id, this.#context.ports.clock.now());
    await this.#context.line.send({ connectionId: this.#connectionId, id, body, isAlone: true });
  }

  /** Behind what may have been overtaken by the end of the connection. */
  async #putBackEnd(): Promise<void> {
    const { clock } = this.#context.ports;
    await clock.sleep(LAST_WORDS_MS);
    const id = randomUUID();
    const end: EndBody = { members: [], reason: "transport close", hops: 0 };
    const body = endBody(this.#connectionId, id, clock.now(), end);
    await this.#context.line.send({ connectionId: this.#connectionId, id, body });
  }
}

const toEarly = ({ connectionId, count, id, at, body }: CountedMessage): EarlyFrame => ({
  ...{ connectionId, count, id, at, body },
});
