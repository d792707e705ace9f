import type { Ports } from "../../server/ports/ports.ts";
import type { LinePosition } from "../../server/ports/sockets.ts";
import type { LineMessage } from "./messages.ts";

/** `done`: it has been run. `given up`: it is not run once more. */
export type Standing = "run" | "done" | "given up";

/**
 * How far one connection's frames have come, in its row: at most once, nearly. A frame that is delivered for the first time is run
 * without a write. As frames of a batch are done, the row is told how far they are, one write at a time and only of the latest, so
 * that a batch whose instance dies is not run from its beginning again. Of a batch that is delivered again, what is done is passed
 * over, and each other frame is claimed by a conditional write before it is run. So a frame runs twice only if its instance died
 * within it, or in the few milliseconds before the row was told; and never three times.
 */
export class Position {
  readonly #ports: Ports;
  readonly #connectionId: string;
  /** The places of those of the batch, in their order, as far as they are not known to be done. */
  readonly #open: string[];
  readonly #done = new Set<string>();
  #row: LinePosition;
  #latest: string | undefined;
  #writing: Promise<void> | undefined;
  #closed = false;

  constructor(ports: Ports, connectionId: string, messages: readonly LineMessage[], row: LinePosition = {}) {
    this.#ports = ports;
    this.#connectionId = connectionId;
    this.#open = messages.map(({ place }) => place).sort();
    this.#row = row;
  }

  /**
   * May this frame be run? `done`: it has been. `given up`: it was run twice, and its instance died both times; or somebody else has
   * it, because this instance stood still for so long that it was delivered again.
   */
  async begin({ place, deliveries, kind }: LineMessage): Promise<Standing> {
    const { done = "", retried = "" } = this.#row;
    // Ends can be done any number of times.
    if (deliveries <= 1 || kind !== "frame") return "run";
    if (place <= done) return "done";
    if (place <= retried) return "given up";
    const claimed = await this.#ports.store.claimRetry(this.#connectionId, place);
    if (claimed) this.#row = { ...this.#row, retried: place };
    return claimed ? "run" : "given up";
  }

  /**
   * This frame's handlers have settled.
   * @param written resolves when what they have effected so far is done
   */
  end({ place }: LineMessage, written: () => Promise<void>): void {
    this.#done.add(place);
    while (this.#open[0] !== undefined && this.#done.has(this.#open[0])) this.#latest = this.#open.shift();
    // The last one of a batch is deleted with its batch.
    if (this.#latest !== undefined && this.#open.length > 0) this.#writing ??= this.#write(written);
  }

  /** Nothing is written any more. Resolves when what was being written is. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
  }

  /** All frames that have been begun count as done: they could not be deleted. */
  async save(last: LineMessage): Promise<void> {
    await this.close();
    await this.#ports.store.moveLine(this.#connectionId, last.place);
  }

  /** Never rejects: it saves work when an instance dies, and no more. */
  async #write(written: () => Promise<void>): Promise<void> {
    try {
      let told: string | undefined;
      while (!this.#closed && this.#latest !== undefined && this.#latest !== told) {
        await written();
        if (this.#closed) break;
        told = this.#latest;
        await this.#ports.store.moveLine(this.#connectionId, told);
      }
    } catch {
      // The store has tried for as long as it does: whatever keeps it from answering keeps the frames' own writes too.
    } finally {
      this.#writing = undefined;
    }
  }
}
