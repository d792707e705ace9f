import { isRecord } from "../common/is-record.ts";
import type { FanOutMessage } from "../ports/fan-out.ts";
import { type JsonRoom, ofJsonRoom, type RoomName, toJsonRoom } from "../ports/rooms.ts";
import type { EventPacket, Receiver } from "../posting/post-to-all.ts";

/**
 * Larger ones go by the table. Lambda queues payloads of 1 MB, and of 256 KB where it has not been told yet; each is sent as
 * often as there are workers.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const MAX_MESSAGE_BYTES = 240 * 1024;

/** A packet for more sockets than one invocation posts to. */
export interface FanOut {
  readonly nsp: string;
  readonly rooms: readonly RoomName[];
  readonly except: ReadonlySet<string>;
  readonly packet: EventPacket;
  /** The first of them by their ids, to whom the emitter posts itself. */
  readonly first: readonly Receiver[];
  /** The id after these. */
  readonly next: string;
}

/** A message as it travels. */
export function toMessage({
  nsp,
  rooms,
  except,
  packet: { frames, log, volatileSince },
}: FanOut): FanOutMessage {
  return {
    nsp,
    rooms: rooms.map(toJsonRoom),
    except: [...except],
    frames,
    ...(log && { offset: log.id }),
    ...(volatileSince !== undefined && { volatile: true }),
  };
}

export const fitsTask = (message: FanOutMessage): boolean =>
  Buffer.byteLength(JSON.stringify(message)) <= MAX_MESSAGE_BYTES;

export const roomsOfMessage = ({ rooms }: FanOutMessage): RoomName[] => rooms.map(ofJsonRoom);

/** What a worker finds in its task or in the table; undefined for anything else. */
export function toFanOutMessage(value: unknown): FanOutMessage | undefined {
  if (!isRecord(value)) return undefined;
  const { nsp, rooms, except, frames, offset, volatile } = value;
  if (typeof nsp !== "string" || !areTexts(except) || !areTexts(frames)) return undefined;
  if (!Array.isArray(rooms) || !rooms.every(isRoom)) return undefined;
  if (offset !== undefined && typeof offset !== "string") return undefined;
  return {
    ...{ nsp, rooms, except, frames },
    ...(offset !== undefined && { offset }),
    ...(volatile === true && { volatile }),
  };
}

const isText = (value: unknown): value is string => typeof value === "string";
const isRoom = (value: unknown): value is JsonRoom => value === null || isText(value);
const areTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
