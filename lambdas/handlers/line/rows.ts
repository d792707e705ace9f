import type { Ports } from "../../server/ports/ports.ts";
import type { ConnectionView } from "../../server/ports/sockets.ts";

/** A reading of the connection's rows is used for so long, in milliseconds: others may end its sockets meanwhile. */
const USED_MS = 100;

/** The rows of one connection, which the frames of a batch share. */
export class ConnectionRows {
  readonly #ports: Pick<Ports, "store" | "clock">;
  readonly #connectionId: string;
  #view: ConnectionView | undefined;
  /** Whose namespace's rows it has; undefined for all. */
  #nsp: string | undefined;
  #readAt = 0;

  constructor(ports: Pick<Ports, "store" | "clock">, connectionId: string) {
    this.#ports = ports;
    this.#connectionId = connectionId;
  }

  /** Something changes them: the next one reads. */
  forget(): void {
    this.#view = undefined;
  }

  /** The rows of one namespace as long as only that is asked for, and then all. At most one read. */
  async read(nsp: string | undefined): Promise<ConnectionView> {
    const { store, clock } = this.#ports;
    const isKnown = this.#nsp === undefined || this.#nsp === nsp;
    if (this.#view && isKnown && clock.now() - this.#readAt < USED_MS) return this.#view;
    const of = this.#view && !isKnown ? undefined : nsp;
    const at = clock.now();
    const view = await store.readConnection(this.#connectionId, of);
    [this.#view, this.#nsp, this.#readAt] = [view, of, at];
    return view;
  }
}
