import { MAX_ATTACHMENTS } from "../../protocol/limits.ts";
import {
  type Incoming,
  type Whole as Packet,
  STRAY_ATTACHMENT,
  UNFINISHED_PACKET,
} from "../../protocol/packets.ts";
import { SkysocketError } from "../../server/common/errors.ts";
import type { Part, PartId } from "../../server/ports/parts.ts";
import type { HandlerContext } from "../context.ts";
import { type Fault, type PacketStanding, standingOf } from "./attachments-order.ts";

/**
 * A packet that looks whole is looked at again after this time, in milliseconds, and run if nothing has changed. A frame that
 * was received before its last one, and is on its way to another invocation, may belong to it: with two packets in flight, the
 * header of the first and the attachment of the second can be handled first, and look like a packet. Of frames that
 * are sent at once some meet warm instances and the others cold ones, so this is longer than a usual cold start: with 250 ms,
 * five packets sent at once were mixed up within a few tries. No length makes it impossible, since a frame does not say that
 * others are on their way: a client is safe that sends the next packet after the answer to the last.
 */
const SETTLE_MS = 1_000;
/**
 * The same where the connection has other frames in flight: more of them are likely, and many cold starts at once take longer.
 * A frame that comes later still is found to be too late (attachments-order.ts), and the connection is closed; only a
 * client that sends the next packet before the last one was answered can get there.
 */
const CROWDED_SETTLE_MS = 2_500;

/**
 * Frames that make no packet are refused after this time, in milliseconds: what is missing may be held up by a cold start.
 * Stock, which reads one stream, refuses them at once.
 */
const PATIENCE_MS = 3_000;

/**
 * A frame waits behind a packet that is whole until that one is done; but no longer than this time, in milliseconds, after the
 * last change of what came before it. An invocation that looks at the packet may sleep through one settling time and find
 * another packet then, that has to settle in turn; if it takes longer, the invocation is dead.
 */
const BEHIND_MS = 2 * CROWDED_SETTLE_MS + 1_000;

/** Waits between two looks, in milliseconds: doubling from the first to the last. */
const FIRST_LOOK_MS = 25;
const LAST_LOOK_MS = 400;

/** Frames that may wait under one connection: of two packets of the largest number. More are no slow packet, but a flood. */
const MAX_PARTS = 2 * (MAX_ATTACHMENTS + 1);

/** A header or an attachment, and what API Gateway said of its frame. */
export type BinaryFrame = PartId & Extract<Incoming, { kind: "header" | "attachment" }>;

/**
 * One frame of a packet with attachments. All its frames are put into the table; each of their invocations then looks at what
 * is there, so the last one to put sees all of them, whatever their order. A frame whose packet waits for attachments leaves
 * the rest to their invocations; but not while a packet before its own is whole and not yet done. That one may hold an
 * attachment of this one, whose invocation took it for the other packet's and has left: if a frame that was held up comes and
 * sets it free, this packet is whole, and no frame of its own is left to come.
 *
 * The invocation whose conditional write makes the header `done` has the packet, and is the only one: if it dies, the packet
 * is lost and never run twice.
 *
 * @returns the whole packet, or a fault, for the one invocation that is to handle it; undefined for all others
 */
export async function receivePart(context: HandlerContext, frame: BinaryFrame): Promise<Packet | undefined> {
  const { store, gateway, clock } = context.ports;
  const { connectionId } = frame;
  const { connection } = await store.readConnection(connectionId, null);
  if (!connection || connection.bye) {
    // As for every frame of a connection that has ended; and nothing is stored for it.
    await gateway.close(connectionId);
    return undefined;
  }
  await store.putPart(frame);
  const until = Math.min(clock.now() + PATIENCE_MS, context.deadline);
  let seen: { readonly name: string; readonly since: number } | undefined;
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, LAST_LOOK_MS)) {
    const parts = await store.readParts(connectionId);
    const standing = standingOf(parts, frame.id);
    if (standing.kind === "open" && pending(parts) <= MAX_PARTS) return undefined;
    if (standing.kind === "taken") return await forget(context, parts, frame);
    const fault = faultOf(standing, parts, clock.now() >= until);
    if (fault) return await closeForFault(context, connectionId, fault);
    const name = nameOf(standing, parts, frame);
    if (seen?.name !== name) seen = { name, since: clock.now() };
    const age = clock.now() - seen.since;
    if (standing.kind === "behind" && age >= BEHIND_MS) return undefined;
    if (standing.kind !== "whole") {
      await clock.sleep(wait);
      continue;
    }
    const left = settleTime(parts, standing) - age;
    if (left > 0) {
      await clock.sleep(left);
      continue;
    }
    // If another has the header, it may have it with other frames than these: the next look tells.
    if (await claimWhole(context, standing)) return unite(context, standing);
  }
}

type Whole = Extract<PacketStanding, { kind: "whole" }>;

function settleTime(parts: readonly Part[], { header, attachments }: Whole): number {
  const mine = new Set([header, ...attachments].map(({ id }) => id));
  const isAlone = parts.every(
    (part) =>
      mine.has(part.id) ||
      // Over before this one was sent, for all we know: its client may have waited for the answer.
      (part.kind === "done" && part.until + SETTLE_MS <= header.at),
  );
  return isAlone ? SETTLE_MS : CROWDED_SETTLE_MS;
}

const pending = (parts: readonly Part[]): number => parts.filter(({ kind }) => kind !== "done").length;

/** Of what has to stay as it is for a time. Behind another packet that is all up to the frame: what comes later changes nothing. */
function nameOf(standing: PacketStanding, parts: readonly Part[], { at }: PartId): string {
  if (standing.kind === "whole") {
    return JSON.stringify([standing.header.id, ...standing.attachments.map(({ id }) => id)]);
  }
  if (standing.kind !== "behind") return standing.kind;
  return JSON.stringify(parts.filter((part) => part.at <= at).map(({ id, kind }) => [kind, id]));
}

/** Tries to be the one that has the packet. */
async function claimWhole(
  { ports: { store } }: HandlerContext,
  { header, attachments }: Whole,
): Promise<boolean> {
  const until = attachments.at(-1)?.at ?? header.at;
  const taken = attachments.map(({ id }) => id);
  if (!(await store.claimPacket(header, { until, taken }))) return false;
  // Small as `done` rows are, they stay: they tell frames that come too late. The attachments are large.
  await store.deleteParts(attachments);
  return true;
}

const unite = ({ server }: HandlerContext, { header, attachments }: Whole): Packet =>
  server.codec.decodeWhole(
    header.text,
    attachments.map(({ bytes }) => bytes),
  );

/** The frame has been handed over twice, and the second time put an attachment that its packet's claimant had deleted. */
async function forget(
  { ports: { store } }: HandlerContext,
  parts: readonly Part[],
  frame: BinaryFrame,
): Promise<undefined> {
  if (frame.kind === "attachment" && parts.some(({ id }) => id === frame.id))
    await store.deleteParts([frame]);
}

const FAULTS: Readonly<Record<Fault, () => Error>> = {
  stray: () => new Error(STRAY_ATTACHMENT),
  unfinished: () => new Error(UNFINISHED_PACKET),
  "same time": () => new SkysocketError("SKY_BINARY_AMBIGUOUS", `${AMBIGUOUS} ${WAY_OUT}`),
  "too late": () => new SkysocketError("SKY_BINARY_AMBIGUOUS", `${TOO_LATE} ${WAY_OUT}`),
};
const AMBIGUOUS =
  "binary attachments that cannot be told apart: the frames of several attachments, or of several packets with attachments, arrived in the same millisecond, and API Gateway hands them over in any order.";
const TOO_LATE =
  "a frame of a packet with attachments arrived after a packet had been put together that it may have belonged to.";
const WAY_OUT =
  "Send one attachment in an event, and the next such event after the acknowledgement of the last; or base64 text; or use socket.io-msgpack-parser.";

function faultOf(standing: PacketStanding, parts: readonly Part[], isLate: boolean): Error | undefined {
  if (standing.kind === "hopeless") return FAULTS[standing.fault]();
  const waiting = pending(parts);
  if (waiting > MAX_PARTS) {
    return new SkysocketError(
      "SKY_BINARY_AMBIGUOUS",
      `${waiting} frames of packets with attachments are waiting for the rest of their packets; ${MAX_PARTS} may. ${WAY_OUT}`,
    );
  }
  return standing.kind === "unsettled" && isLate ? FAULTS[standing.fault]() : undefined;
}

/**
 * The end of the connection, as for every bad packet. Nothing less would do: to drop one packet and go on, one would have to
 * know which of the frames still on their way are its own. Several invocations come to this at once; one of them tells the
 * sockets.
 */
async function closeForFault(
  { ports: { store } }: HandlerContext,
  connectionId: string,
  error: Error,
): Promise<Packet | undefined> {
  if (!(await store.claimRefusal(connectionId))) return undefined;
  return { kind: "fault", reason: "forced close", error };
}
