import type { LogLine } from "./model.ts";

/** Lines kept for whoever looks later; older ones are dropped. */
const KEPT_LINES = 10_000;

/** As which function the local cloud itself logs. */
export const CLOUD = "local-cloud";

/** What the functions and the local cloud have logged. */
export class Logs {
  readonly #lines: LogLine[] = [];
  readonly #onLog: ((line: LogLine) => void) | undefined;

  constructor(onLog?: (line: LogLine) => void) {
    this.#onLog = onLog;
  }

  /** The latest lines, the oldest first. */
  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  take(line: LogLine): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.splice(0, this.#lines.length - KEPT_LINES);
    this.#onLog?.(line);
  }

  /** A line of the local cloud itself, or in the name of the function that it is about. */
  add(
    level: LogLine["level"],
    text: string,
    about: { readonly functionId: string; readonly requestId: string } = { functionId: CLOUD, requestId: "" },
  ): void {
    this.take({ at: Date.now(), level, text, ...about });
  }
}
