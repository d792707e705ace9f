import type { Harness, Wire } from "./harness.ts";

/** What a client of Socket.IO remembers of its session between two connections (socket.io-client, socket.ts). */
export interface Remembered {
  readonly sid: string;
  readonly pid: string;
  readonly offset: string | undefined;
}

/** The session and the offset that a client with these frames has. */
export function remember({ frames }: Pick<Wire, "frames">): Remembered {
  const connected = frames.find((frame) => frame.startsWith("40{"));
  if (connected === undefined) throw new Error(`not connected: ${JSON.stringify(frames)}`);
  const { sid, pid } = JSON.parse(connected.slice(2));
  const lasts = frames
    .filter((frame) => frame.startsWith("42["))
    .map((frame) => JSON.parse(frame.slice(2)).at(-1));
  return { sid, pid, offset: lasts.findLast((last) => typeof last === "string") };
}

/** Connects again as the same client; `offset: null` is a client that says none. */
export async function comeBack(
  harness: Harness,
  { pid, offset }: { readonly pid: string; readonly offset?: string | undefined | null },
  nsp = "/",
): Promise<Wire & { readonly recovered: boolean }> {
  const wire = await harness.connect();
  const payload = JSON.stringify({ pid, ...(typeof offset === "string" && { offset }) });
  await wire.send(`40${nsp === "/" ? "" : `${nsp},`}${payload}`);
  await harness.settled();
  const connected = wire.frames.find((frame) => frame.startsWith("40") && frame.includes("{"));
  const now = connected === undefined ? undefined : JSON.parse(connected.slice(connected.indexOf("{"))).pid;
  return Object.assign(wire, { recovered: now === pid });
}

/** The events that arrived, without the offsets. */
export const eventsOf = ({ frames }: Pick<Wire, "frames">): unknown[][] =>
  frames.filter((frame) => frame.startsWith("42[")).map((frame) => JSON.parse(frame.slice(2)).slice(0, -1));
