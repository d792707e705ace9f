import type { Codec } from "../../protocol/codec.ts";
import { toBinaryJson } from "../common/binary-json.ts";
import type { Effect } from "../common/effect.ts";
import { describeError } from "../common/errors.ts";
import type { NamespaceServer } from "../declared/namespace-core.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { Outbox, Put } from "../invocation/outbox.ts";
import type { InboxEvent, InboxName, InboxOpener } from "../ports/inbox.ts";
import { deliverInbox, othersFollow } from "./delivery.ts";
import { idOfKey, keyOfUnit, nameOf, newTag, SLOTS, unitOfTime } from "./ids.ts";
import { viewLimit } from "./window.ts";

/** An event and where it goes. */
export interface Mail extends InboxName {
  /** Name and arguments. */
  readonly values: readonly unknown[];
}

/**
 * Puts an event into an inbox and sends it to the sockets that have it open.
 * @returns resolves when it is stored
 * @throws PacketError for what API Gateway would not deliver; TypeError for no JSON
 */
export function emitToInbox(server: NamespaceServer, invocation: Invocation, mail: Mail): Effect<void> {
  return put(server, invocation, mail, ({ stored }) => stored);
}

/** The same where nothing waits for the invocation: resolves when the event has been sent too, or that has failed. */
export function emitToInboxOutside(
  server: NamespaceServer,
  invocation: Invocation,
  mail: Mail,
): Effect<void> {
  return put(server, invocation, mail, async ({ stored, delivered }) => {
    await stored;
    await delivered.catch(() => undefined); // it is logged; and stored all the same
  });
}

function put(
  { codec, options: { inboxTtl } }: NamespaceServer,
  invocation: Invocation,
  { values, ...name }: Mail,
  until: (put: Put) => Promise<void>,
): Effect<void> {
  // Encoded now, with the longest id: what cannot be sent is refused here, and the application may change its objects after.
  codec.encode({ type: "event", nsp: name.nsp, data: values, id: idOfKey(SLOTS - 1, keyOfUnit(0)) });
  const data = toBinaryJson(values);
  const outbox = outboxOf(invocation, codec, name);
  const what = `inbox emit(${JSON.stringify(values[0])})`;
  return invocation.act(what, async () => {
    const added = outbox.add(data, inboxTtl);
    void invocation.track(`the delivery of ${what}`, added.delivered);
    return { rest: until(added) };
  });
}

function outboxOf(invocation: Invocation, codec: Codec, name: InboxName): Outbox {
  const { outboxes } = invocation;
  const address = JSON.stringify([name.nsp, name.inbox]);
  const outbox = outboxes.get(address) ?? new SentInTurn(invocation, codec, name);
  outboxes.set(address, outbox);
  return outbox;
}

class SentInTurn implements Outbox {
  readonly #invocation: Invocation;
  readonly #codec: Codec;
  readonly #name: InboxName;
  #tail: Promise<unknown> = Promise.resolve();
  #lastUnit = 0;

  constructor(invocation: Invocation, codec: Codec, name: InboxName) {
    this.#invocation = invocation;
    this.#codec = codec;
    this.#name = name;
  }

  add(data: string, ttlMs: number): Put {
    const event = this.#tail.then(() => this.#put(data, ttlMs));
    // Who puts the next one finds this one posted: left to somebody else's batch, the next could overtake it.
    const delivered = event.then(
      (stored) => this.#deliver(stored),
      () => undefined, // told to whoever waits for it to be stored
    );
    this.#tail = delivered;
    return { stored: event.then(() => undefined), delivered };
  }

  async #put(data: string, ttlMs: number): Promise<InboxEvent> {
    const { store, clock } = this.#invocation.ports;
    const tag = newTag();
    for (let tries = 0; ; tries++) {
      const now = clock.now();
      // Another emitter has this half millisecond. Where there are many, each goes on by another step.
      const step = 1 + Math.floor(Math.random() * tries);
      this.#lastUnit = Math.max(unitOfTime(now), this.#lastUnit + step);
      const event = { ...this.#name, key: keyOfUnit(this.#lastUnit), tag, data };
      if (await store.putInboxEvent(event, now + ttlMs)) return event;
    }
  }

  /** To every socket that has the inbox open. One who cannot be reached is logged: the event waits. */
  async #deliver(own: InboxEvent): Promise<void> {
    const { store, log } = this.#invocation.ports;
    const openers = await store.readOpeners(this.#name);
    const live = openers.filter(({ state }) => state === "live");
    // One look at the events serves all for whom their number counts; the others look for themselves, if they have to.
    const limit = viewLimit(Math.max(0, ...live.map(({ window }) => window)));
    const view = live.length > 0 ? await store.readInbox(this.#name, limit) : undefined;
    const courier = { invocation: this.#invocation, codec: this.#codec };
    const send = async (opener: InboxOpener): Promise<void> => {
      const believed = opener.sent.some(({ event }) => event === nameOf(own));
      const left = opener.state === "draining" && !believed && (await othersFollow(courier, opener));
      if (!left) await deliverInbox(courier, opener, { own, ...(view && { view }) });
    };
    const results = await Promise.allSettled(openers.map(send));
    const failures = results.filter((result) => result.status === "rejected");
    const [first] = failures;
    if (!first) return;
    log.error(
      "SKY_POST_FAILED",
      `an inbox event did not reach ${failures.length} of ${openers.length} sockets; it waits for them`,
      { first: describeError(first.reason) },
    );
  }
}
