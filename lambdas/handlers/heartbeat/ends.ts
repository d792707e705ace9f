import type { DisconnectReason } from "../../server/ports/sockets.ts";
import type { EndTarget, Tasks } from "../../server/ports/tasks.ts";

/**
 * Connections in one task. The task ends eight at a time and takes some seconds for these, far from its time; and they are
 * 10 KB, far from the 256 KB that Lambda queues.
 */
const TARGETS_PER_TASK = 200;

/** Has connections ended by the socket function, many in one task. */
export class EndQueue {
  readonly #tasks: Tasks;
  #waiting = new Map<DisconnectReason, EndTarget[]>();

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  /** Resolves when the task that this one made full is accepted, else at once. */
  async add(connectionId: string, reason: DisconnectReason): Promise<void> {
    const targets = this.#waiting.get(reason) ?? [];
    this.#waiting.set(reason, targets);
    targets.push({ connectionId, members: [] });
    if (targets.length < TARGETS_PER_TASK) return;
    this.#waiting.delete(reason);
    await this.#start(reason, targets);
  }

  /** Resolves when the tasks for all the others are accepted. */
  async flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = new Map();
    for (const [reason, targets] of waiting) await this.#start(reason, targets);
  }

  async #start(reason: DisconnectReason, targets: readonly EndTarget[]): Promise<void> {
    await this.#tasks.start({ task: "end", targets, reason, hops: 0 });
  }
}
