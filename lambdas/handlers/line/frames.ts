import { describeError } from "../../server/common/errors.ts";
import { endConnection } from "../../server/ending/ending.ts";
import type { Invocation } from "../../server/invocation/invocation.ts";
import type { ConnectionView } from "../../server/ports/sockets.ts";
import { isBusy } from "../../server/shared/await-lease.ts";
import type { Stay } from "../../server/shared/stay.ts";
import { socketsOf } from "../../server/socket/socket-core.ts";
import { PacketReader } from "../binary/packet-reader.ts";
import { asInvocation, type PacketContext } from "../context.ts";
import { handlePacket, isOver, refuseAfterEnd } from "../message.ts";
import type { Packet } from "../packets/packet.ts";
import type { LineContext } from "./context.ts";
import { CountedOrder } from "./counted-order.ts";
import { toEnd } from "./ends.ts";
import { Hidden } from "./hidden.ts";
import { giveUp, logFailed, retryLater } from "./lost.ts";
import { isCounted, type LineMessage } from "./messages.ts";
import { Position, type Standing } from "./position.ts";
import { ConnectionRows } from "./rows.ts";
import { SharedFrames } from "./shared-frames.ts";

/** A message that is being worked through. */
interface Begun {
  /** Resolves when the next message may begin, but for its handlers. */
  readonly handled: Promise<unknown>;
  /** Resolves when its handlers have settled. */
  readonly settled: Promise<void>;
  /** The frames before it that its packet was in. */
  readonly parts: readonly LineMessage[];
}

/**
 * The messages of one connection in a batch, one after the other in one invocation. Each begins when the handlers of the one before
 * it have settled, or have had their time (`orderHoldMs`): slow handlers overlap, as on stock. When the last one has had its time
 * and something still goes on, the messages are deleted here, so that the next ones can be delivered; this invocation ends later.
 */
export class ConnectionFrames {
  readonly #context: LineContext;
  readonly #connectionId: string;
  /** In the order in which they are run, but for a client that counts. */
  readonly messages: readonly LineMessage[];
  readonly #reader: PacketReader;
  readonly #rows: ConnectionRows;
  readonly #hidden: Hidden;
  /** Of those that have begun, the ones whose handlers have not settled. */
  readonly #running = new Set<Promise<void>>();
  /** Of those, the ones that are not even handled, but for their handlers: CONNECTs whose listeners ask their client. */
  readonly #handling = new Set<Promise<void>>();
  readonly #begun = new Set<LineMessage>();
  /** Frames of a packet that is not whole yet. */
  #parts: LineMessage[] = [];
  /** Packets of it that were handled. */
  #handled = 0;
  #removed = false;
  #position: Position | undefined;
  /** Of a client that counts its frames. */
  #order: CountedOrder | undefined;
  readonly #shared: SharedFrames;

  constructor(context: LineContext, connectionId: string, messages: readonly LineMessage[]) {
    this.#context = context;
    this.#connectionId = connectionId;
    this.messages = messages;
    this.#reader = new PacketReader(context, connectionId);
    this.#rows = new ConnectionRows(context.ports, connectionId);
    this.#hidden = new Hidden(context, messages);
    this.#shared = new SharedFrames(this.#rows);
  }

  /**
   * Works through them.
   * @returns those that have to be delivered again. Never rejects
   */
  async run(): Promise<readonly LineMessage[]> {
    const { ports, server } = this.#context;
    try {
      const deadline = await this.#hidden.begin();
      if (this.#hidden.isOver) throw new Error("Lambda handed them over when their time was over");
      const row = await this.#rows.position(this.messages, server.codec);
      this.#order = row && (await CountedOrder.of(this.#context, this.#connectionId, this.messages, row));
      for (const message of this.#order?.over ?? []) this.#begun.add(message);
      const tracked = this.#order ? this.#run.filter(isCounted) : this.messages;
      this.#position = new Position(ports, this.#connectionId, tracked, row);
      await asInvocation(
        { ...this.#context, deadline },
        Math.max(...this.messages.map((message) => (message.kind === "end" ? toEnd(message).hops : 0))),
        (invocation) => this.#all(invocation),
        (invocation, finished) => this.#release(invocation, finished),
      );
    } catch (error) {
      await this.#failed(error, this.#left);
    } finally {
      await this.#hidden.end();
      await this.#position?.close();
      await this.#settle();
    }
    // Also those for which there was no time.
    return this.#left;
  }

  get #left(): readonly LineMessage[] {
    return this.messages.filter((message) => !this.#begun.has(message));
  }

  get #run(): readonly LineMessage[] {
    return this.#order?.run ?? this.messages;
  }

  async #all(invocation: Invocation): Promise<void> {
    try {
      await this.#beginAll(invocation);
    } finally {
      this.#shared.leave();
    }
    if (this.#handling.size > 0) await this.#letGo(invocation);
    await Promise.all(this.#handling);
  }

  async #beginAll(invocation: Invocation): Promise<void> {
    for (const [index, message] of this.#run.entries()) {
      if (this.#hidden.isOver) break;
      try {
        await this.#one(invocation, message);
      } catch (error) {
        if (!this.#begun.has(message)) return await this.#failed(error, this.#run.slice(index));
        this.#logFailed(error, message);
      }
    }
    await this.#keepParts();
  }

  async #one(invocation: Invocation, message: LineMessage): Promise<void> {
    const begun = await this.#begin(invocation, message);
    if (begun === "more" || begun === "late") return;
    this.#begun.add(message);
    if (begun) await this.#hold(invocation, message, begun);
    else this.#position?.end(message, () => this.#effectsSoFar(invocation));
  }

  /** What is done of a frame. @throws while shared variables are not kept: a frame that is told of as done is not run again */
  async #effectsSoFar(invocation: Invocation): Promise<void> {
    if (invocation.tenures.held) throw new Error("shared variables are not kept yet");
    await invocation.effectsSoFar();
  }

  async #keepParts(): Promise<void> {
    try {
      await this.#reader.keep();
      for (const part of this.#parts) this.#begun.add(part);
    } catch (error) {
      await this.#failed(error, this.#parts);
    }
  }

  /**
   * @returns what has been begun; `more` if its packet has more frames, `late` if it may be somebody else's by now, undefined if there
   * is nothing to wait for
   */
  async #begin(invocation: Invocation, message: LineMessage): Promise<Begun | "more" | "late" | undefined> {
    const { server } = this.#context;
    if (message.kind === "disconnect" || message.kind === "end") {
      this.#begun.add(message);
      this.#rows.forget();
      this.#startOver(invocation);
      const ended = endConnection(server, invocation, toEnd(message).end).catch(async (error: unknown) => {
        if (!isBusy(error)) throw error;
        // It can be done any number of times.
        this.#begun.delete(message);
        await this.#failed(error, [message]);
      });
      return { handled: ended, settled: ended, parts: [] };
    }
    const fault = this.#order?.faultOf(message);
    const packet = fault ?? (await this.#reader.take(message));
    if (this.#reader.isWaiting) this.#parts.push(message);
    if (!packet) return this.#reader.isWaiting ? "more" : undefined;
    const { view, stay } = await this.#shared.enter({ ...this.#context, invocation }, packet);
    let handles = false;
    try {
      // Again, since what has been read so far may have taken any time. Nothing of the packet is done then, its parts included.
      if (this.#hidden.isOver) {
        this.#parts = [];
        return "late";
      }
      // Last before it is begun: what fails before this may be tried any number of times.
      const standing = fault ? "run" : await this.#claim(message, stay);
      const parts = this.#parts.splice(0);
      if (standing === "given up") await giveUp(this.#context, message);
      for (const one of [...parts, message]) this.#begun.add(one);
      if (standing !== "run") return undefined;
      const { connection } = view;
      if (!connection || isOver(view)) {
        await refuseAfterEnd(this.#context, this.#connectionId, view, packet);
        return undefined;
      }
      handles = true;
      return { ...this.#handle({ ...this.#context, invocation, connection, stay }, view, packet), parts };
    } finally {
      if (!handles) stay?.leave();
    }
  }

  #handle(context: PacketContext, view: ConnectionView, packet: Packet): Omit<Begun, "parts"> {
    const earlier = this.#running.size > 0 ? "running" : this.#handled > 0 ? "settled" : undefined;
    this.#handled++;
    if (packet.kind === "fault") this.#startOver(context.invocation);
    const handled = handlePacket({ ...context, earlier }, view, packet);
    if (packet.kind !== "event" && packet.kind !== "ack") this.#rows.forget();
    const settled = handled.then(({ handlers }) => handlers).finally(() => context.stay?.leave());
    return { handled, settled };
  }

  async #claim(message: LineMessage, stay: Stay | undefined): Promise<Standing> {
    const note = `frame ${this.#connectionId} ${message.place}`;
    if (stay?.owner.has(note)) return "done";
    const standing = (await this.#position?.begin(message)) ?? "run";
    stay?.owner.note(note);
    return standing;
  }

  /** Listeners of the connection's end, and of errors, are those of a replay of their own, as for events: closures do not survive by luck. */
  #startOver(invocation: Invocation): void {
    for (const socket of socketsOf(invocation)) {
      const overlaps = this.#running.size > 0 && socket.replayWaits;
      if (socket.life.stage === "live" && !overlaps) socket.startOver();
    }
  }

  /** Until the next message may begin. */
  async #hold(
    invocation: Invocation,
    message: LineMessage,
    { handled, settled, parts }: Begun,
  ): Promise<void> {
    const asked = invocation.asked();
    const over = new AbortController();
    const done = settled
      .catch((error: unknown) => this.#logFailed(error, message))
      .then(() => {
        this.#running.delete(done);
        over.abort();
        for (const one of [...parts, message]) this.#position?.end(one, () => this.#effectsSoFar(invocation));
        return this.#reader.forget();
      });
    this.#running.add(done);
    const handling = handled.then(
      () => undefined,
      () => undefined,
    );
    this.#handling.add(handling);
    void handling.then(() => this.#handling.delete(handling));
    // The answer that a handler waits for may be the next message.
    await Promise.race([asked, handling]);
    await Promise.race([asked, done, invocation.pause(this.#holdMs, over.signal)]);
    over.abort();
  }

  get #holdMs(): number {
    return this.#context.server.options.orderHoldMs;
  }

  /** The next messages can be delivered as soon as what these have effected so far is done. Never rejects. */
  async #release(invocation: Invocation, finished: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    const ended = finished.then(
      () => true,
      () => true,
    );
    // Handlers that still run have had their time.
    const waited = this.#running.size > 0 ? undefined : invocation.pause(this.#holdMs, over.signal);
    const hasEnded = await Promise.race([ended, Promise.resolve(waited).then(() => false)]);
    over.abort();
    if (!hasEnded) await this.#letGo(invocation);
  }

  async #letGo(invocation: Invocation): Promise<void> {
    await invocation.effectsSoFar();
    // What is deleted is not run again.
    await invocation.tenures.save();
    await this.#position?.close();
    await this.#settle();
    await this.remove();
  }

  /** Deletes what is done from the queue, before Lambda does. Never rejects. */
  async remove(): Promise<void> {
    const done = [...this.#begun].filter(({ receipt }) => receipt !== "");
    const last = done.toSorted((a, b) => (a.place < b.place ? -1 : 1)).at(-1);
    if (this.#removed || !last) return;
    this.#removed = true;
    await this.#hidden.end();
    try {
      await this.#context.line.remove(done);
    } catch (error) {
      this.#context.ports.log.error(
        "SKY_LINE_NOT_RELEASED",
        "events that have been handled could not be taken out of the queue: the client's next ones wait until they are delivered again, and then passed over",
        { connection: this.#connectionId, error: describeError(error) },
      );
      await this.#position?.save(last).catch(() => undefined);
    }
  }

  /** Of a client that counts: before its messages are deleted. Never rejects. */
  async #settle(): Promise<void> {
    try {
      for (const message of (await this.#order?.settle(this.#begun)) ?? []) this.#begun.add(message);
    } catch (error) {
      await this.#failed(error, this.#left);
    }
  }

  /** Nothing of these has been shown to the application. */
  async #failed(error: unknown, messages: readonly LineMessage[]): Promise<void> {
    await this.#hidden.end();
    const isRetried = await retryLater(this.#context, this.#connectionId, error, messages);
    if (!isRetried) for (const message of messages) this.#begun.add(message);
  }

  #logFailed(error: unknown, message: LineMessage | undefined): void {
    logFailed(this.#context, this.#connectionId, error, message);
  }
}
