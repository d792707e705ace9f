/**
 * Which attachments belong to which header, told from nothing but the times at which API Gateway received the frames.
 *
 * A client writes the header of a packet and then its attachments, and nothing between them, so the frames on the wire are
 *
 *     H a a │ H a │ H a a a │ …
 *
 * but each is handed to an invocation of its own, in any order, and an attachment says neither whose it is nor which. The
 * event's `requestTimeEpoch` is the only order there is, in milliseconds: frames of one millisecond are a heap. (That it
 * grows along the frames of one connection is not documented by AWS. One host has the connection and stamps what it reads.)
 * A heap is read only if it can be read in one way. The heaps are gone through in the order of time.
 */
import type { Part } from "../../server/ports/parts.ts";

export type Header = Extract<Part, { kind: "header" }>;
export type Attachment = Extract<Part, { kind: "attachment" }>;
type Done = Extract<Part, { kind: "done" }>;

/** What is known of the packet that a frame belongs to. */
export type PacketStanding =
  /** All of it is there; the attachments are in their order. */
  | { readonly kind: "whole"; readonly header: Header; readonly attachments: readonly Attachment[] }
  /** Attachments are still to come. */
  | { readonly kind: "open" }
  /**
   * The same, and a packet before it is whole but not yet done. That one may have an attachment of this one, in the place of
   * its own that is held up: when its own comes, this packet may be whole at once.
   */
  | { readonly kind: "behind" }
  /** Its packet has been put together before. */
  | { readonly kind: "taken" }
  /** The frames make no sense, unless frames are missing that were received before others that are here. */
  | { readonly kind: "unsettled"; readonly fault: Fault }
  /** No frame that may still come can make them unambiguous. */
  | { readonly kind: "hopeless"; readonly fault: Fault };

/** `stray`: an attachment without a header; `unfinished`: a header before the last packet was whole. Both have stock's answer. */
export type Fault = "stray" | "unfinished" | "same time" | "too late";

/** The packet that the heaps gone through so far leave unfinished. */
interface Unfinished {
  readonly header: Header;
  readonly attachments: readonly Attachment[];
}

/** @param id of the frame to tell about, one of `parts` or a part that was */
export function standingOf(parts: readonly Part[], id: string): PacketStanding {
  const done = parts.filter((part) => part.kind === "done");
  const taken = new Set(done.flatMap((part) => [part.id, ...part.taken]));
  // Its attachments are deleted after the packet is done: they may be there still, or again.
  const frames = parts.filter(
    (part): part is Header | Attachment => part.kind !== "done" && !taken.has(part.id),
  );
  if (!frames.some((part) => part.id === id)) return { kind: "taken" };
  let unfinished: Unfinished | undefined;
  let isBehind = false;
  for (const heap of heapsOf(frames)) {
    const step = read(heap, unfinished, done);
    if ("fault" in step) return step;
    const mine = step.packets.find(({ header, attachments }) =>
      [header, ...attachments].some((part) => part.id === id),
    );
    if (mine) return { kind: "whole", ...mine };
    isBehind ||= step.packets.length > 0;
    unfinished = step.unfinished;
  }
  return { kind: isBehind ? "behind" : "open" };
}

function heapsOf(frames: readonly (Header | Attachment)[]): readonly (readonly (Header | Attachment)[])[] {
  const byTime = new Map<number, (Header | Attachment)[]>();
  // By id within a heap: whoever looks sees the same packet.
  for (const frame of frames.toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))) {
    const heap = byTime.get(frame.at) ?? [];
    byTime.set(frame.at, heap);
    heap.push(frame);
  }
  return [...byTime.values()];
}

type Step =
  | { readonly packets: readonly Unfinished[]; readonly unfinished: Unfinished | undefined }
  | Extract<PacketStanding, { kind: "unsettled" | "hopeless" }>;

/** Reads one heap. */
function read(
  heap: readonly (Header | Attachment)[],
  before: Unfinished | undefined,
  done: readonly Done[],
): Step {
  const headers = heap.filter((frame) => frame.kind === "header");
  const attachments = heap.filter((frame) => frame.kind === "attachment");
  const [header] = headers;
  const at = heap[0]?.at ?? 0;
  if (heap.some((frame) => done.some((packet) => isTooLate(frame, packet)))) return hopeless("too late");
  // Equal attachments may stand for one another; others of the same time can always be swapped.
  if (headers.length > 1 || !attachments.every((one) => isSame(one, attachments[0])))
    return hopeless("same time");
  const missing = before ? before.header.attachments - before.attachments.length : 0;
  if (before && done.some((packet) => before.header.at < packet.at && packet.at < at))
    return unsettled("unfinished");
  // The next packet begins in this heap: what is missing of the one before must be here, and nothing of the next.
  const begins = header !== undefined || done.some((packet) => packet.at === at);
  if (before && begins && attachments.length !== missing) {
    return unsettled(attachments.length < missing ? "unfinished" : "same time");
  }
  if (before) {
    if (attachments.length > missing) return unsettled("stray");
    const grown = { header: before.header, attachments: [...before.attachments, ...attachments] };
    if (attachments.length < missing) return { packets: [], unfinished: grown };
    return { packets: [grown], unfinished: header && { header, attachments: [] } };
  }
  if (!header || attachments.length > header.attachments) {
    // In the first millisecond of a packet that is done: what it should have been run with, most likely.
    return unsettled(begins && !header ? "too late" : "stray");
  }
  const fresh = { header, attachments };
  return attachments.length === header.attachments
    ? { packets: [fresh], unfinished: undefined }
    : { packets: [], unfinished: fresh };
}

/**
 * Was the frame received between a packet's header and its last attachment, though it was not there when the packet was put
 * together? Perhaps the packet was run with another frame in its place. In the packet's first millisecond attachments of the
 * packet before are innocent, in its last one the header of the next.
 */
function isTooLate(frame: Header | Attachment, packet: Done): boolean {
  if (frame.at < packet.at || frame.at > packet.until) return false;
  if (packet.at === packet.until) return true;
  return frame.at !== (frame.kind === "header" ? packet.until : packet.at);
}

const unsettled = (fault: Fault): Step => ({ kind: "unsettled", fault });
const hopeless = (fault: Fault): Step => ({ kind: "hopeless", fault });

const isSame = ({ bytes }: Attachment, other: Attachment | undefined): boolean =>
  other !== undefined && Buffer.compare(bytes, other.bytes) === 0;
