import type { Codec } from "../../protocol/codec.ts";
import type { Ports } from "../../server/ports/ports.ts";
import type { ConnectionView, LinePosition } from "../../server/ports/sockets.ts";
import { isOver } from "../message.ts";
import { isCounted, type LineMessage } from "./messages.ts";

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

  /**
   * How far the frames of the connection were. Only those need it that were delivered before, and those that a client counts, or may
   * have counted. The first event of the latter needs the same rows.
   * @returns undefined if nobody has to know, or the connection is over
   */
  async position(messages: readonly LineMessage[], codec: Codec): Promise<LinePosition | undefined> {
    const [first] = messages.filter(isCounted).toSorted((a, b) => a.count - b.count);
    if (first) {
      const packet = codec.decode(first.body);
      return positionIn(await this.read("nsp" in packet ? packet.nsp : undefined));
    }
    const isNeeded = messages.some(
      ({ kind, deliveries }) => deliveries > 1 || kind === "disconnect" || kind === "gap",
    );
    return isNeeded
      ? positionIn(await this.#ports.store.readConnection(this.#connectionId, null))
      : undefined;
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

const positionIn = (view: ConnectionView): LinePosition | undefined =>
  isOver(view) ? undefined : (view.connection?.line ?? {});
