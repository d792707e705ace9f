import type { NamespaceServer } from "../declared/namespace-core.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { EventPacket } from "../posting/post-to-all.ts";
import { withOffset } from "../recovery/stamp.ts";

/** What is said of an event beside its name and arguments. */
export interface EventFlags {
  /** Asks for an answer. */
  readonly id?: number | undefined;
  readonly volatile?: boolean | undefined;
}

/** Is an event in the log, for clients that miss it? */
export const isKept = (
  { options: { recovery } }: Pick<NamespaceServer, "options">,
  { id, volatile }: EventFlags,
): boolean => recovery !== undefined && id === undefined && !volatile;

/**
 * Encodes an event. With recovery on, those that can be missed carry their offset as last argument, and a client takes any
 * event whose last argument is a string for one that does, even the name of an event without arguments: so the others, if
 * they end in a string, get a `null` behind it. What asks for an answer ends in a function for the client.
 */
export function eventPacket(
  invocation: Invocation,
  { codec, options: { recovery } }: NamespaceServer,
  nsp: string,
  data: readonly unknown[],
  { id, volatile }: EventFlags,
): EventPacket {
  const encode = (values: readonly unknown[]) => codec.encode({ type: "event", nsp, data: values, id });
  const losable = volatile ? { volatileSince: invocation.posts.moment } : {};
  if (!recovery || id !== undefined) return { frames: encode(data), ...losable };
  if (volatile) return { frames: encode(isText(data.at(-1)) ? [...data, null] : data), ...losable };
  const offset = invocation.offsets.next();
  const expiresAt = invocation.ports.clock.now() + recovery.keepEndedMs;
  return { frames: encode([...data, offset]), log: { id: offset, expiresAt } };
}

/**
 * The packet with the offset of this moment. It is encoded when it is called for, since the application may change its objects;
 * sent it is when it has its turn. Only then it is known what is posted before it: of two packets of one invocation a client that has the
 * later offset is taken to have the other one too, and of any two one with an old offset sets its client back.
 */
export function stamped({ offsets }: Invocation, packet: EventPacket): EventPacket {
  const { frames, log } = packet;
  if (!log) return packet;
  const id = offsets.next();
  const anew = withOffset(frames, log.id, id);
  return anew === frames ? packet : { frames: anew, log: { ...log, id } };
}

/** Is it a string when a client has it? */
function isText(value: unknown): boolean {
  if (typeof value === "string" || value instanceof String) return true;
  const { toJSON } = Object(value ?? {}) as { readonly toJSON?: unknown };
  return typeof toJSON === "function" && isText(toJSON.call(value, ""));
}
