import { describeError } from "../common/errors.ts";
import { keyInPath, setOwn } from "../common/json.ts";
import type { Ports } from "../ports/ports.ts";
import type { SocketKey, SocketRecord, StateChanges } from "../ports/sockets.ts";
import { SavedState, TooLargeError } from "./saved-state.ts";

/** Keys that an error names. */
const MOST_NAMED = 5;

/** The socket whose state it is: SocketCore is one. */
interface Owner {
  readonly invocation: { readonly ports: Pick<Ports, "store" | "log"> };
  readonly nsp: { readonly name: string };
  readonly key: SocketKey;
  readonly id: string;
  /** True while what sets state runs again in each event. */
  readonly registering: boolean;
  /** What the application sees of it, and sets properties on. */
  readonly facade: object;
}

/** What the application keeps on a socket from event to event: `socket.data`, and the properties that it set on the socket. */
export class KeptState {
  data: Record<string, unknown>;
  readonly #socket: Owner;
  readonly #data: SavedState;
  readonly #props: SavedState;
  #unsaved = false;
  #tooLargeReported = false;

  /** Puts the properties of the row on the socket. */
  constructor(socket: Owner, { data, props }: Pick<SocketRecord, "data" | "props">) {
    this.#socket = socket;
    this.#data = new SavedState("socket.data", data);
    this.#props = new SavedState("socket", props);
    this.data = this.#data.values();
    for (const [name, value] of Object.entries(this.#props.values())) setOwn(socket.facade, name, value);
  }

  /**
   * True once a write of it has failed in this invocation. What the socket's handlers acknowledge after that is not sent: who
   * waits for "saved" must not hear it, and gets what it would get if the handler had thrown at that place, which is nothing.
   * On stock there is no such write. What an application sends by other means still goes out, as it says nothing of the
   * write; and so do acknowledgements where a single value was refused before any write, for the same reason as where it is
   * no JSON: the value is there until the event ends, and that it is not kept is a mistake which every try would repeat.
   */
  get unsaved(): boolean {
    return this.#unsaved;
  }

  /** As in a row. */
  get json(): Pick<SocketRecord, "data" | "props"> {
    return { data: this.#data.json(), props: this.#props.json() };
  }

  /** Is there something in it that no row can hold? */
  get hasUnsavable(): boolean {
    return this.#data.hasUnsavable(this.data) || this.#props.hasUnsavable(this.#socket.facade);
  }

  /** What the application changed since the last save, as the write that saves it; undefined if nothing. */
  takeChanges(): (() => Promise<void>) | undefined {
    const { invocation, key, id } = this.#socket;
    const changes = this.#take();
    const { data, props } = changes;
    if (!data && !props) return undefined;
    return async () => {
      try {
        await invocation.ports.store.saveState(key, id, changes);
      } catch (error) {
        this.#data.noteFailed(data ?? {});
        this.#props.noteFailed(props ?? {});
        this.#unsaved = true;
        this.#reportNotSaved(changes, error);
      }
    };
  }

  /** The state so far is being written by the caller. */
  noteSaved(): void {
    this.#take();
  }

  /** Puts the saved values back in place, after a replay. */
  restore(): void {
    const { facade, invocation } = this.#socket;
    this.#data.restore(this.data);
    try {
      this.#props.restore(facade as Record<string, unknown>);
    } catch (error) {
      invocation.ports.log.warn("SKY_DATA_NOT_JSON", "a property of the socket could not be put back", {
        error: describeError(error),
      });
    }
  }

  #take(): Pick<StateChanges, "data" | "props"> {
    const tooLarge: TooLargeError[] = [];
    const report = (_: string, error: Error): void => {
      if (error instanceof TooLargeError) tooLarge.push(error);
      else this.#reportNotJson(error);
    };
    const data = this.#data.takeChanges(this.data, report);
    const props = this.#props.takeChanges(this.#socket.facade, report);
    this.#reportTooLarge(tooLarge);
    return { ...(data && { data }), ...(props && { props }) };
  }

  get #whatIsLost(): string {
    return this.#socket.registering
      ? "It exists again in each event, because the code that set it runs again, but is seen by no other socket"
      : "It is gone with the end of this event";
  }

  #reportNotJson(error: Error): void {
    const { invocation, id, registering } = this.#socket;
    const { log } = invocation.ports;
    const message = `${error.message}: it cannot be saved. ${this.#whatIsLost}. Keep plain values (objects, arrays, strings, numbers, booleans, null) there.`;
    if (registering) log.warn("SKY_DATA_NOT_JSON", message, { socket: id });
    else log.error("SKY_DATA_NOT_JSON", message, { socket: id });
  }

  /** Once in an invocation: there may be hundreds. */
  #reportTooLarge([first, ...more]: readonly TooLargeError[]): void {
    if (first === undefined || this.#tooLargeReported) return;
    this.#tooLargeReported = true;
    const { invocation, nsp, id } = this.#socket;
    const others = more.length > 0 ? ` The same goes for ${more.length} more.` : "";
    invocation.ports.log.error(
      "SKY_STATE_TOO_LARGE",
      `${first.message}: it cannot be saved. ${this.#whatIsLost}.${others} Keep large values elsewhere, and a reference to them here.`,
      { nsp: nsp.name, socket: id },
    );
  }

  #reportNotSaved({ data = {}, props = {} }: StateChanges, error: unknown): void {
    const { invocation, nsp, id } = this.#socket;
    const entries = [
      ...Object.entries(data).map(([key, json]) => [`socket.data${keyInPath(key)}`, json ?? ""] as const),
      ...Object.entries(props).map(([key, json]) => [`socket${keyInPath(key)}`, json ?? ""] as const),
    ];
    const named = entries
      .slice(0, MOST_NAMED)
      .map(([name, json]) => `${name} (${Buffer.byteLength(json)} bytes)`);
    const more = entries.length > named.length ? ` and ${entries.length - named.length} more` : "";
    invocation.ports.log.error(
      "SKY_STATE_NOT_SAVED",
      `${named.join(", ")}${more} could not be saved: the next event finds what was there before. Acknowledgements that come after this are not sent.`,
      { nsp: nsp.name, socket: id, error: describeError(error) },
    );
  }
}
