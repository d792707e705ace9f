import type { Log } from "../ports/environment.ts";
import { reportLarge, reportRefused } from "./reports.ts";
import type { Content, SharedVariables } from "./variables.ts";

/** The content of a namespace's variables while an invocation has the lease, as far as it can be kept. */
export class KeepableContent {
  readonly #variables: SharedVariables;
  readonly #log: Log;
  #good: Content = new Map();
  #refusals = 0;

  constructor(variables: SharedVariables, log: Log) {
    this.#variables = variables;
    this.#log = log;
  }

  /** The latest that could be kept. */
  get good(): Content {
    return this.#good;
  }

  /** How often something could not be kept. */
  get refusals(): number {
    return this.#refusals;
  }

  /** What the lease was taken with. */
  begin(): void {
    this.#good = this.#variables.capture();
  }

  /** As it is now. What cannot be kept is reported, and the content is again as it was when it could. */
  capture(): Content {
    try {
      const content = this.#variables.capture();
      const large = this.#variables.measure(content);
      this.#good = content;
      if (large !== undefined) reportLarge(this.#log, this.#variables, large);
    } catch (error) {
      this.#refusals++;
      reportRefused(this.#log, this.#variables.nsp, error);
      this.#variables.putBack(this.#good);
    }
    return this.#good;
  }

  /** Puts a content of before back. */
  putBack(content: Content): void {
    this.#variables.putBack(content);
    this.#good = content;
  }
}
