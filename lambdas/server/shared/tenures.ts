import { Tenure, type TenureHost } from "./tenure.ts";
import type { SharedVariables } from "./variables.ts";

/** The tenures of one invocation, one for each namespace that has shared variables. */
export class Tenures {
  readonly #host: TenureHost;
  readonly #tenures = new Map<SharedVariables, Tenure>();

  constructor(host: TenureHost) {
    this.#host = host;
  }

  of(variables: SharedVariables): Tenure {
    const known = this.#tenures.get(variables);
    if (known) return known;
    const tenure = new Tenure(variables, this.#host);
    this.#tenures.set(variables, tenure);
    return tenure;
  }

  /** The one that has the lease of its namespace, if it is had. */
  heldOf(variables: SharedVariables | undefined): Tenure | undefined {
    const tenure = variables && this.#tenures.get(variables);
    return tenure?.held ? tenure : undefined;
  }

  get held(): boolean {
    return [...this.#tenures.values()].some(({ held }) => held);
  }

  /** Does something when all that has changed so far is kept; never if it could not be. */
  async afterwards(work: () => Promise<unknown>): Promise<void> {
    const all = [...this.#tenures.values()];
    if (all.some(({ lost }) => lost)) return;
    const held = all.find((tenure) => tenure.held);
    if (held) held.afterwards(() => this.afterwards(work));
    else await work();
  }

  /** Keeps what has changed so far. */
  async save(): Promise<void> {
    await Promise.all([...this.#tenures.values()].map((tenure) => tenure.save()));
  }

  /** Keeps what has changed, and gives all leases up for good. Never rejects. */
  async end(): Promise<void> {
    await Promise.all([...this.#tenures.values()].map((tenure) => tenure.end()));
  }
}
