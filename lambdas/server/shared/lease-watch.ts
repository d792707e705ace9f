import type { Log } from "../ports/environment.ts";
import type { HolderHost, LeaseHolder } from "./lease-holder.ts";
import { reportHeld } from "./reports.ts";
import type { Stay } from "./stay.ts";

/** How often a holder looks at itself, in milliseconds: it renews, and warns of code that has the lease for longer than this. */
const WATCH_MS = 1_000;

export interface Watched {
  readonly host: HolderHost & { readonly ports: { readonly log: Log } };
  readonly nsp: string;
  readonly stays: ReadonlySet<Stay>;
  /** Makes the lease last; never rejects. */
  readonly renew: () => Promise<void>;
}

/** Renews a lease while it is had, and says whose code has it for long. Never rejects. */
export async function watchLease(lease: LeaseHolder, { host, nsp, stays, renew }: Watched): Promise<void> {
  let isTold = false;
  for (;;) {
    await host.pause(WATCH_MS, lease.over);
    if (lease.over.aborted) return;
    const now = host.ports.clock.now();
    for (const stay of stays) {
      if (stay.isLong(now, WATCH_MS)) reportHeld(host.ports.log, nsp, stay.what);
    }
    const isLeftBehind = lease.isOld && ![...stays].some(({ active }) => active);
    if (isLeftBehind && !isTold) {
      isTold = true;
      reportHeld(host.ports.log, nsp, "work that an event left behind, or its effects,");
    }
    await renew();
  }
}
