import type { ConnectionView } from "../../server/ports/sockets.ts";
import type { Stay } from "../../server/shared/stay.ts";
import type { SharedVariables } from "../../server/shared/variables.ts";
import type { PacketContext } from "../context.ts";
import { type Entered, enterShared } from "../packets/enter.ts";
import type { Packet } from "../packets/packet.ts";
import type { ConnectionRows } from "./rows.ts";

/** In namespaces that share variables, the frames of a batch have the lease together. */
export class SharedFrames {
  readonly #rows: ConnectionRows;
  readonly #stays = new Map<SharedVariables, Stay>();

  constructor(rows: ConnectionRows) {
    this.#rows = rows;
  }

  /** As {@link enterShared}. */
  async enter(context: Omit<PacketContext, "connection">, packet: Packet): Promise<Entered> {
    const nsp = "nsp" in packet ? packet.nsp : undefined;
    const variables = nsp === undefined ? undefined : context.server.namespaces.get(nsp)?.shared;
    if (!variables) return { view: await this.#rows.read(nsp) };
    const tenure = context.invocation.tenures.of(variables);
    await tenure.ready();
    // What was read before it was had may be old.
    let fresh = tenure.held;
    const read = async (): Promise<ConnectionView> => {
      if (!fresh) this.#rows.forget();
      fresh = false;
      return await this.#rows.read(nsp);
    };
    const entered = await enterShared(context, packet, read);
    if (entered.stay && !this.#stays.has(variables)) {
      this.#stays.set(variables, await tenure.enter("a batch of a client's events", "batch"));
    }
    return entered;
  }

  /** The last one has begun. */
  leave(): void {
    for (const stay of this.#stays.values()) stay.leave();
    this.#stays.clear();
  }
}
