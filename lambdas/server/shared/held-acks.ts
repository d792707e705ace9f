import { closedGate, type Gate } from "../common/gate.ts";
import type { Ports } from "../ports/ports.ts";
import type { HolderHost } from "./lease-holder.ts";
import type { Stay } from "./stay.ts";

/** How long an acknowledgement waits for effects that were called before it, and for others of its batch, in milliseconds. */
const TOGETHER_MS = 100;
/** How long it waits for other handlers, so that no half of what they change is kept, in milliseconds. */
const HALVES_MS = 1_000;

export interface AcksHost extends HolderHost {
  readonly ports: Pick<Ports, "store" | "clock">;
  /** Acknowledgements that wait for a commit. */
  acksHeld: number;
  /** Resolves when no effects are under way but those. */
  otherEffects(): Promise<void>;
}

/** Commits; calls `captured` when it is decided what of the variables it keeps. */
type Commit = (captured: () => void) => Promise<boolean>;

/**
 * Acknowledgements that wait until what they tell of is kept: one commit for those that come together. It is made between the
 * handlers of a batch's frames, not within one: an instance that dies then has each frame's changes in the table as a whole, and
 * the commit's notes say so, or not at all.
 */
export class HeldAcks {
  readonly #host: AcksHost;
  readonly #stays: ReadonlySet<Stay>;
  readonly #commit: Commit;
  readonly #waiting = new Set<() => boolean>();
  #keeping: Promise<boolean> | undefined;
  #gate: Gate | undefined;

  constructor(host: AcksHost, stays: ReadonlySet<Stay>, commit: Commit) {
    this.#host = host;
    this.#stays = stays;
    this.#commit = commit;
  }

  /** The commit that some wait for. */
  get keeping(): Promise<boolean> | undefined {
    return this.#keeping;
  }

  /** @param stay of the code that acknowledges: it may go on for long. @returns whether it is kept */
  hold(stay: Stay | undefined): Promise<boolean> {
    stay?.noteAcked();
    this.look();
    this.#host.acksHeld++;
    this.#keeping ??= this.#soon();
    const kept = this.#keeping;
    void kept.then(() => this.#host.acksHeld--);
    return kept;
  }

  /** Resolves when the next frame may begin. */
  async ready(): Promise<void> {
    await this.#gate?.opened;
  }

  /** Some code has come to its end, or waits for a client. */
  look(): void {
    for (const isOver of this.#waiting) if (isOver()) this.#waiting.delete(isOver);
  }

  async #soon(): Promise<boolean> {
    await this.#host.ports.clock.turn(); // most handlers have returned by then
    if (this.#some(({ kind }) => kind === "batch")) {
      await this.#within(
        TOGETHER_MS,
        this.#until(() => !this.#some(({ kind }) => kind === "batch")),
      );
    } else if (!this.#some(() => true)) await this.#within(TOGETHER_MS, this.#host.otherEffects());
    const gate = closedGate();
    this.#gate = gate;
    await this.#within(
      HALVES_MS,
      this.#until(() => !this.#some((stay) => stay.isHalf)),
    );
    this.#keeping = undefined;
    return await this.#commit(gate.open).finally(gate.open);
  }

  #some(is: (stay: Stay) => boolean): boolean {
    return [...this.#stays].some((stay) => stay.active && is(stay));
  }

  async #until(isOver: () => boolean): Promise<void> {
    if (isOver()) return;
    await new Promise<void>((resolve) => {
      this.#waiting.add(() => {
        const over = isOver();
        if (over) resolve();
        return over;
      });
    });
  }

  async #within(ms: number, work: Promise<void>): Promise<void> {
    const over = new AbortController();
    await Promise.race([work, this.#host.pause(ms, over.signal)]);
    over.abort();
  }
}
