import type { Invocation } from "./invocation.ts";
import type { LogEntry } from "./recovery/log.ts";
import type { ServerCore } from "./server-core.ts";

/** An event as it goes out. */
export interface EventPacket {
  readonly frames: readonly string[];
  /** Set when recovery keeps it for clients that miss it. */
  readonly log?: LogEntry;
}

/** What is said of an event beside its name and arguments. */
export interface EventFlags {
  /** Asks for an answer. */
  readonly id?: number | undefined;
  readonly volatile?: boolean | undefined;
}

/**
 * Encodes an event. With recovery on, those that can be missed carry their offset as last argument, and a client takes any
 * event whose last argument is a string for one that does, even the name of an event without arguments: so the others, if
 * they end in a string, get a `null` behind it. What asks for an answer ends in a function for the client.
 */
export function eventPacket(
  invocation: Invocation,
  { codec, options: { recovery } }: ServerCore,
  nsp: string,
  data: readonly unknown[],
  { id, volatile }: EventFlags,
): EventPacket {
  const encode = (values: readonly unknown[]) => codec.encode({ type: "event", nsp, data: values, id });
  if (!recovery || id !== undefined) return { frames: encode(data) };
  if (volatile) return { frames: encode(typeof data.at(-1) === "string" ? [...data, null] : data) };
  const offset = invocation.offsets.next();
  const expiresAt = invocation.ports.clock.now() + recovery.keepEndedMs;
  return { frames: encode([...data, offset]), log: { id: offset, expiresAt } };
}
