import { isRecord } from "../../server/common/is-record.ts";
import { toFanOutMessage } from "../../server/fan-out/message.ts";
import { toRange } from "../../server/fan-out/ranges.ts";
import type { FanOutTask } from "../../server/ports/fan-out.ts";

export interface FanOutEvent {
  readonly task: FanOutTask;
  /** Name of the function that ends what is found gone. */
  readonly owner: string;
}

/** What the fan-out function is invoked with; undefined for anything else. */
export function toFanOutEvent(event: unknown): FanOutEvent | undefined {
  if (!isRecord(event) || event.task !== "fan-out") return undefined;
  const { id, path, from, to, share, until, hops, owner, message } = event;
  if (typeof id !== "string" || typeof path !== "string" || typeof owner !== "string") return undefined;
  if (!isBound(from) || !isBound(to)) return undefined;
  if (typeof share !== "number" || typeof until !== "number" || typeof hops !== "number") return undefined;
  const known = toFanOutMessage(message);
  if (message !== undefined && !known) return undefined;
  const task: FanOutTask = {
    ...{ task: "fan-out", id, path, share, until, hops },
    ...toRange(from, to),
    ...(known && { message: known }),
  };
  return { task, owner };
}

const isBound = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === "string";
