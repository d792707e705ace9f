import type { Log } from "../../server/ports/environment.ts";
import { isBusy } from "../../server/shared/await-lease.ts";

/** Says that code did not run since there was no lease to be had. @throws what else it failed at */
export function logBusy(log: Log, what: string, connection: string, error: unknown): void {
  if (!isBusy(error)) throw error;
  const message = error instanceof Error ? error.message : String(error);
  log.error("SKY_SHARED_BUSY", `${what} did not run: ${message}`, { connection });
}
