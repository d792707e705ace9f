import { assertFunction } from "../common/assert-function.ts";
import { SkysocketError } from "../common/errors.ts";
import type { AnyFunction, Event } from "../common/typed-events.ts";
import { fingerprint } from "./trace.ts";

export interface Listener {
  readonly fn: AnyFunction;
  /** Set on a `once` listener: the name under which it is claimed before it runs. */
  readonly once?: string;
}

/** The next middleware of `socket.use`. */
export type PacketMiddleware = (event: Event, next: (error?: Error) => void) => void;

/** As EventEmitter has it: the event 2 is the event "2". Clients may send numbers as names, and applications listen for them. */
export const eventName = (event: unknown): string => String(event);

/** What an application registered on one socket, in one run of its listeners. */
export class Listeners {
  readonly #events = new Map<string, Listener[]>();
  readonly #onces = new Map<string, number>();
  readonly middlewares: PacketMiddleware[] = [];
  any: AnyFunction[] = [];
  anyOutgoing: AnyFunction[] = [];
  /** Of `socket.conn.on("close")`. */
  readonly connectionClose: AnyFunction[] = [];
  /** Of `socket.conn.on("packetCreate")`. */
  readonly packetCreate: AnyFunction[] = [];

  add(event: string, fn: AnyFunction, how: { readonly once?: boolean; readonly first?: boolean } = {}): void {
    assertFunction("listener", fn);
    const listener: Listener = how.once ? { fn, once: this.#onceName(event) } : { fn };
    const list = this.#events.get(event) ?? [];
    if (how.first) list.unshift(listener);
    else list.push(listener);
    this.#events.set(event, list);
  }

  /** Removes the latest registration of `fn`, as EventEmitter does; without `fn` all of the event, without event all. */
  remove(event?: string, fn?: AnyFunction): void {
    if (event === undefined) {
      this.#events.clear();
      return;
    }
    if (fn === undefined) {
      this.#events.delete(event);
      return;
    }
    const list = this.#events.get(event) ?? [];
    const at = list.findLastIndex((listener) => listener.fn === fn);
    if (at !== -1) list.splice(at, 1);
    if (list.length === 0) this.#events.delete(event);
  }

  /** A copy: a listener may remove another while they run. */
  of(event: string): readonly Listener[] {
    return [...(this.#events.get(event) ?? [])];
  }

  has(event: string): boolean {
    return this.#events.has(event);
  }

  names(): string[] {
    return [...this.#events.keys()];
  }

  get size(): number {
    const lists = [this.middlewares, this.any, this.anyOutgoing, this.connectionClose, this.packetCreate];
    return lists.reduce((sum, list) => sum + list.length, this.#events.size);
  }

  // The n-th `once` of an event is the same listener in every run of the same code.
  #onceName(event: string): string {
    const nth = (this.#onces.get(event) ?? 0) + 1;
    this.#onces.set(event, nth);
    return `${fingerprint(event)}${nth}`;
  }
}

/** Why a socket refuses a listener: named once, since several places have to. */
export const lateRegistration = (what: string): SkysocketError =>
  new SkysocketError(
    "SKY_LATE_REGISTRATION",
    `${what} inside an event handler would be forgotten: the next event runs in another invocation, which knows only what the connection listener registers. Register it in io.on("connection"), and decide inside the handler by socket.data.`,
  );
