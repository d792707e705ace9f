import type { InboxEvent } from "../../lambdas/server/ports/inbox.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";

/** Everything that waits in an inbox. */
export async function inboxOf(
  store: Pick<Store, "readInbox">,
  inbox: string,
  nsp = "/",
): Promise<readonly InboxEvent[]> {
  return (await store.readInbox({ nsp, inbox }, 1_000_000)).events;
}

/** An event that wants to be acknowledged, as a client gets it. */
export interface Delivery {
  readonly id: string;
  readonly data: readonly unknown[];
}

/** All such events among these frames. */
export function deliveriesOf(frames: readonly string[], nsp = "/"): Delivery[] {
  const prefix = nsp === "/" ? "42" : `42${nsp},`;
  return frames.flatMap((frame) => {
    if (!frame.startsWith(prefix)) return [];
    const [, id, json] = /^(\d+)(\[.*)$/s.exec(frame.slice(prefix.length)) ?? [];
    return id === undefined || json === undefined ? [] : [{ id, data: JSON.parse(json) as unknown[] }];
  });
}

/** The frame that acknowledges it. */
export function ackOf(delivery: Delivery | undefined): string {
  if (!delivery) throw new Error("nothing was delivered");
  return `43${delivery.id}[]`;
}
