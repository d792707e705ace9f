import { assertNotReserved } from "../broadcast/socket-emit.ts";
import { type Effect, resolved } from "../common/effect.ts";
import { SkysocketError } from "../common/errors.ts";
import type { DefaultEventsMap, EventNames, EventsMap, UnackedParams } from "../common/typed-events.ts";
import { notAvailable } from "../common/unavailable.ts";
import type { NamespaceCore } from "../declared/namespace-core.ts";
import { emitToInbox, emitToInboxOutside } from "../inbox/emit.ts";

/**
 * A place where events wait until a client has acknowledged them. Sockets open it with `socket.openInbox(name)`; an event is
 * sent to all that have it open, and again to any that opens it, until the first acknowledgement removes it.
 */
export class Inbox<EmitEvents extends EventsMap = DefaultEventsMap> {
  readonly #nsp: NamespaceCore;
  readonly #name: string;

  constructor(nsp: NamespaceCore, name: string) {
    this.#nsp = nsp;
    this.#name = name;
  }

  get name(): string {
    return this.#name;
  }

  /**
   * Puts an event into the inbox and sends it to the sockets that have it open. Clients get an acknowledgement function as last
   * argument, and have to call it. A map of events that a typed client shares names that: `order: (order: Order, ack: () => void) => void`.
   * @returns a promise that resolves when the event is stored: from then on it is not lost. Nobody has to await it in an event.
   * Elsewhere somebody has to: there it resolves when the event is stored and has been sent to who has the inbox open
   * @throws Error for a reserved event name; PacketError for what API Gateway would not deliver; TypeError for no JSON
   */
  emit<Ev extends EventNames<EmitEvents>>(event: Ev, ...args: UnackedParams<EmitEvents, Ev>): Effect<void> {
    assertNotReserved(event);
    const values: unknown[] = args;
    if (typeof values.at(-1) === "function") {
      throw new SkysocketError(
        "SKY_NOT_AVAILABLE",
        `inbox(${JSON.stringify(this.#name)}).emit(${JSON.stringify(event)}) takes no callback: the event may be acknowledged in a week. Let the client send an event.`,
      );
    }
    const { server, name: nsp, place } = this.#nsp;
    const what = `inbox(${JSON.stringify(this.#name)}).emit(${JSON.stringify(event)})`;
    if (place !== undefined) {
      throw notAvailable(
        `${what} of a parent namespace`,
        "inboxes belong to namespaces by name: io.of(name).",
      );
    }
    const mail = { nsp, inbox: this.#name, values: [event, ...values] };
    const acting = server.acting();
    if (!acting) return server.actOutside(what, (invocation) => emitToInboxOutside(server, invocation, mail));
    acting.socket?.note("inbox", event);
    if (acting.mode === "replay") return resolved(undefined);
    return emitToInbox(server, acting.invocation, mail);
  }
}
