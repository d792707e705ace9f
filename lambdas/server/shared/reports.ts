/** What the log says of shared variables. */
import { describeError, SkysocketError } from "../common/errors.ts";
import type { Log } from "../ports/environment.ts";
import { NotKeptError } from "./not-kept.ts";
import type { SharedVariables } from "./variables.ts";

/** @returns whether shared variables have been changed while no event of their namespace had its turn; that is undone */
export function reportOutside(log: Log, variables: SharedVariables): boolean {
  const { nsp } = variables;
  const names = variables.restoreOutside();
  if (names.length === 0) return false;
  log.error(
    "SKY_SHARED_OUTSIDE",
    `shared variables were changed while no event of their namespace had its turn (${names.join(", ")}): the change is lost. Outside of events, change them in shared.run(() => …). While a handler waits for a client's answer, other events run: change nothing beside that. What a variable begins with is the second argument of shared().`,
    { nsp },
  );
  return true;
}

export const lostError = (nsp: string): SkysocketError =>
  new SkysocketError("SKY_SHARED_LOST", lostMessage(nsp));

const lostMessage = (nsp: string): string =>
  `the shared variables of namespace ${JSON.stringify(nsp)} are another event's, since this instance stood still for too long, could not write, or got no turn when it went on: what this event changed is not kept, and its acknowledgements are not sent`;

export function reportLost(
  log: Log,
  nsp: string,
  { running, error }: { readonly running: readonly string[]; readonly error: unknown },
): void {
  log.error("SKY_SHARED_LOST", lostMessage(nsp), { nsp, running, error: describeError(error) });
}

export function reportRefused(log: Log, nsp: string, error: unknown): void {
  if (error instanceof NotKeptError) {
    log.error(
      "SKY_SHARED_NOT_KEPT",
      `${error.message}, which cannot be kept: nothing of what was changed with it is kept, and acknowledgements that tell of it are not sent. Keep plain values there: objects, arrays, Maps, Sets, dates, texts, numbers, booleans.`,
      { nsp },
    );
    return;
  }
  const message = error instanceof Error ? error.message : String(error);
  log.error(
    "SKY_SHARED_TOO_LARGE",
    `shared variables are too large: ${message}. Nothing of what was changed with it is kept, and acknowledgements that tell of it are not sent. Remove what is over, or keep large values elsewhere.`,
    { nsp },
  );
}

const warnedOf = new WeakSet<SharedVariables>();

/** Once in the life of an instance. */
export function reportLarge(log: Log, variables: SharedVariables, bytes: number): void {
  if (warnedOf.has(variables)) return;
  warnedOf.add(variables);
  log.warn(
    "SKY_SHARED_LARGE",
    `the shared variables of a namespace take ${bytes} bytes, all of which an instance reads when another has changed them; 1 MB is allowed. Remove what is over, or keep large values elsewhere.`,
    { nsp: variables.nsp },
  );
}

export function reportHeld(log: Log, nsp: string, what: string): void {
  log.warn(
    "SKY_SHARED_HELD",
    `${what} has had the shared variables of its namespace for more than a second: all other events of the namespace wait. Do slow work before or after, in an event of a namespace that shares nothing, or without waiting for it.`,
    { nsp },
  );
}

export function reportAfterwards(log: Log, error: unknown): void {
  log.error("SKY_EFFECT_FAILED", "the row of a socket that has ended could not be finished", {
    error: describeError(error),
  });
}
