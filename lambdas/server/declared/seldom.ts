import type { ErrorCode } from "../ports/error-codes.ts";
import type { Ports } from "../ports/ports.ts";

/** Between two lines with one code, in milliseconds. */
const QUIET_MS = 60_000;

/**
 * Lines that clients can cause as often as they like: one a minute, code and instance, with the number of those left out. The one
 * thing that is remembered between invocations, and nothing but the log depends on it.
 */
export class Seldom {
  readonly #lines = new Map<string, { readonly at: number; left: number }>();

  warn(
    { log, clock }: Pick<Ports, "log" | "clock">,
    code: ErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>>,
  ): void {
    const now = clock.now();
    const last = this.#lines.get(code);
    if (last && now - last.at < QUIET_MS) {
      last.left++;
      return;
    }
    this.#lines.set(code, { at: now, left: 0 });
    log.warn(code, message, { ...details, ...(last && last.left > 0 && { leftOut: last.left }) });
  }
}
