import { randomBytes } from "node:crypto";
import { SkysocketError } from "../common/errors.ts";
import type { Clock } from "../ports/environment.ts";
import type { LeaseClaim, SharedLease, SharedStore } from "../ports/shared.ts";

/** A holder that has died keeps the others waiting for so long; one that lives renews before. In milliseconds. */
export const LEASE_MS = 8_000;
/** How long the next one in line has to take its turn, in milliseconds. It looks several times in that time. */
export const GRANT_MS = 500;
/** Nobody waits longer for those who are before it in line and have died. */
const MOST_GRANTS = 3;
/** More do not wait: at some 30 events a second they would do so for longer than an event has. */
const MOST_WAITING = 200;
/** Longest that is waited, in milliseconds. */
const PATIENCE_MS = 20_000;
/** Before the end of the event, which must still have its time. */
const RESERVE_MS = 4_000;

/** How long it takes until a place is looked at again, in milliseconds: a turn takes longer than one request. */
const SHORTEST_LOOK_MS = 8;
const LONGEST_LOOK_MS = 400;

/** Where turns are taken. */
export interface LeasePorts {
  readonly store: Pick<SharedStore, "takeLease" | "standInLine" | "readLease" | "claimLease">;
  readonly clock: Pick<Clock, "now">;
  /** Waits; it is no work of the application's. */
  readonly pause: (ms: number) => Promise<void>;
}

/** A turn that has been taken. */
export interface TakenLease {
  readonly token: string;
  /** As it was when the turn was taken. */
  readonly lease: SharedLease;
  readonly waited: boolean;
}

/**
 * Waits in line for the lease of a namespace, and takes it. Where nobody has it that is one write; else there is a write for the
 * place, reads while it waits, and a write for the turn.
 * @param deadline of the event, in milliseconds since the epoch
 * @throws SkysocketError when the line is too long, or the time is over
 */
export async function awaitLease(ports: LeasePorts, nsp: string, deadline: number): Promise<TakenLease> {
  const { store, clock, pause } = ports;
  const claim = (): LeaseClaim => ({ token: newLeaseToken(), until: clock.now() + LEASE_MS });
  const first = claim();
  const lease = await store.takeLease(nsp, first);
  if (lease) return { token: first.token, lease, waited: false };
  const giveUpAt = Math.min(clock.now() + PATIENCE_MS, deadline - RESERVE_MS);
  let seen = await store.readLease(nsp);
  if (seen && seen.next - seen.place > MOST_WAITING) throw busy(nsp, `${MOST_WAITING} events wait already`);
  let place = await store.standInLine(nsp);
  for (;;) {
    if (seen && seen.place > place)
      place = await store.standInLine(nsp); // it was taken for dead
    else if (seen && isFree(seen, place, clock.now())) {
      const mine = claim();
      const taken = await store.claimLease(nsp, seen, { ...mine, place });
      if (taken) return { token: mine.token, lease: taken, waited: true };
    }
    const ahead = place - (seen?.place ?? place);
    if (clock.now() >= giveUpAt) throw busy(nsp, `${ahead} events are still before it in line`);
    await pause(Math.min(LONGEST_LOOK_MS, SHORTEST_LOOK_MS * (ahead + 1)));
    seen = await store.readLease(nsp);
  }
}

/** Its own turn, or that of somebody who has died. */
function isFree({ place: current, taken, until }: SharedLease, place: number, now: number): boolean {
  if (current === place && !taken) return true;
  return now > until + Math.min(place - current, MOST_GRANTS) * GRANT_MS;
}

/** 72 random bits. */
export const newLeaseToken = (): string => randomBytes(9).toString("base64url");

const busy = (nsp: string, why: string): SkysocketError =>
  new SkysocketError(
    "SKY_SHARED_BUSY",
    `the shared variables of namespace ${JSON.stringify(nsp)} are in use, and ${why}. One event of a namespace at a time has them: let handlers be quick, share less of the work, or spread it over several namespaces.`,
  );

/** An event has found no turn: nothing of the application has run for it. */
export const isBusy = (error: unknown): boolean =>
  error instanceof SkysocketError && (error.code === "SKY_SHARED_BUSY" || error.code === "SKY_SHARED_LOST");
