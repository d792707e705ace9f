import { type Incoming, STRAY_ATTACHMENT, UNFINISHED_PACKET, type Whole } from "../../protocol/packets.ts";
import type { Part } from "../../server/ports/parts.ts";
import type { HandlerContext } from "../context.ts";

/** A frame in its place in the connection's line. */
export interface FrameInLine {
  readonly body: string;
  /** Its place. All are of the same length, so that they compare as texts. */
  readonly place: string;
  /** When it was received, in milliseconds since the epoch. */
  readonly at: number;
  /** How often it has been delivered, this time included. */
  readonly deliveries: number;
}

interface Unfinished {
  readonly header: Extract<Incoming, { kind: "header" }> & FrameInLine;
  readonly attachments: readonly (Extract<Incoming, { kind: "attachment" }> & FrameInLine)[];
}

/**
 * Reads packets off one connection's frames, in the order of its line: the header of a packet, and its attachments behind it, as
 * stock reads its stream. What a batch leaves unfinished is kept in the table for the next one.
 */
export class PacketReader {
  readonly #context: HandlerContext;
  readonly #connectionId: string;
  #unfinished: Unfinished | undefined;
  /** Parts in the table, of a packet that an earlier batch left unfinished. */
  #stored: readonly Part[] = [];
  #hasLooked = false;

  constructor(context: HandlerContext, connectionId: string) {
    this.#context = context;
    this.#connectionId = connectionId;
  }

  /** Parts of a packet are missing. */
  get isWaiting(): boolean {
    return this.#unfinished !== undefined;
  }

  /** @returns the packet that the frame is, or makes whole; undefined while parts are missing, and for frames that say nothing */
  async take(frame: FrameInLine): Promise<Exclude<Whole, { kind: "nothing" }> | undefined> {
    const decoded = this.#context.server.codec.decode(frame.body);
    switch (decoded.kind) {
      case "nothing":
        return undefined;
      case "header":
        if (this.#unfinished) return this.#broken(UNFINISHED_PACKET);
        this.#unfinished = { header: { ...decoded, ...frame }, attachments: [] };
        this.#hasLooked = true; // what the table may have is of a packet that was never finished
        return undefined;
      case "attachment":
        return await this.#add({ ...decoded, ...frame });
      default:
        return this.#unfinished ? this.#broken(UNFINISHED_PACKET) : decoded;
    }
  }

  /** Keeps what is unfinished for the next batch: a write for each frame. */
  async keep(): Promise<void> {
    if (!this.#unfinished) return;
    const { header, attachments } = this.#unfinished;
    const known = new Set(this.#stored.map(({ id }) => id));
    const isNew = ({ place }: FrameInLine): boolean => !known.has(place);
    const id = ({ place, at }: FrameInLine) => ({ connectionId: this.#connectionId, id: place, at });
    const put = (part: Parameters<HandlerContext["ports"]["store"]["putPart"]>[0]): Promise<void> =>
      this.#store.putPart(part, { inLine: true });
    await Promise.all([
      ...[header]
        .filter(isNew)
        .map((part) => put({ ...id(part), kind: "header", text: part.text, attachments: part.attachments })),
      ...attachments.filter(isNew).map((part) => put({ ...id(part), kind: "attachment", bytes: part.bytes })),
    ]);
  }

  /** The packet that the table had parts of has been worked through: a write for each. */
  async forget(): Promise<void> {
    const parts = this.#stored;
    this.#stored = [];
    await this.#store.deleteParts(parts);
  }

  async #add(
    frame: Unfinished["attachments"][number],
  ): Promise<Exclude<Whole, { kind: "nothing" }> | undefined> {
    if (!this.#hasLooked) await this.#look();
    const open = this.#unfinished;
    // One that is delivered again, and was kept the first time.
    if (this.#stored.some(({ id }) => id === frame.place)) return undefined;
    // An instance that died after it had handled the packet has forgotten its parts.
    if (!open) return frame.deliveries > 1 ? undefined : this.#broken(STRAY_ATTACHMENT);
    const attachments = [...open.attachments, frame];
    if (attachments.length < open.header.attachments) {
      this.#unfinished = { ...open, attachments };
      return undefined;
    }
    this.#unfinished = undefined;
    const whole = this.#context.server.codec.decodeWhole(
      open.header.text,
      attachments.map(({ bytes }) => bytes),
    );
    return whole.kind === "nothing" ? undefined : whole;
  }

  /** One read: a batch that begins with an attachment goes on with a packet of the one before it. */
  async #look(): Promise<void> {
    this.#hasLooked = true;
    const parts = (await this.#store.readParts(this.#connectionId)).toSorted((a, b) =>
      a.id < b.id ? -1 : 1,
    );
    this.#stored = parts;
    const begin = parts.findLastIndex(({ kind }) => kind === "header");
    const [header, ...rest] = begin === -1 ? [] : parts.slice(begin);
    if (header?.kind !== "header") return;
    const frameOf = ({ id, at }: Part): FrameInLine => ({ body: "", place: id, at, deliveries: 1 });
    const attachments = rest.flatMap((part) =>
      part.kind === "attachment" ? [{ kind: part.kind, bytes: part.bytes, ...frameOf(part) }] : [],
    );
    // A packet that has been worked through, whose parts nobody has deleted.
    if (attachments.length >= header.attachments) return;
    const { kind, text, attachments: count } = header;
    this.#unfinished = { header: { kind, text, attachments: count, ...frameOf(header) }, attachments };
  }

  get #store(): HandlerContext["ports"]["store"] {
    return this.#context.ports.store;
  }

  /** As on stock, which reads one stream: the end of the connection. */
  #broken(message: string): Whole & { kind: "fault" } {
    this.#unfinished = undefined;
    return { kind: "fault", reason: "forced close", error: new Error(message) };
  }
}
