import { type Looks, looks } from "../../server/common/looks.ts";
import type { SocketRecord } from "../../server/ports/sockets.ts";
import type { PacketContext } from "../context.ts";

/** The longest an event waits for the connection listeners, in milliseconds; then it runs without them being done. */
const PATIENCE_MS = 11_000;
/**
 * At the row of a socket that is connecting: an event comes at most half as late again as it had to wait anyway, and the longest
 * wait takes 13 looks. Clients decide how many events wait, and each look is a read.
 */
const LOOKS: Looks = { first: 25, longest: PATIENCE_MS, growth: 1.5 };

/** How long a CONNECT waits for the end of the socket that it follows, in milliseconds. */
const PATIENCE_WITH_END_MS = 1_000;
/** At the row of that one. */
const LOOKS_AT_END: Looks = { first: 25, longest: PATIENCE_WITH_END_MS };

/**
 * `disconnect().connect()` sends `41` and `40` in the same millisecond, so the second may be handled first: it waits for the
 * end of the old socket before it is taken for a second CONNECT.
 * @returns the ended row, undefined if it is gone, or the row that is still alive
 */
export async function awaitOldEnd(
  { ports }: PacketContext,
  row: SocketRecord,
): Promise<SocketRecord | undefined> {
  const { store, clock } = ports;
  const until = clock.now() + PATIENCE_WITH_END_MS;
  let current: SocketRecord | undefined = row;
  const nextWait = looks(LOOKS_AT_END);
  while (current && current.phase !== "ended" && clock.now() < until) {
    await clock.sleep(nextWait());
    current = await store.readSocket(row);
  }
  return current;
}

/**
 * The first run of the connection listeners is not overtaken (docs/ARCHITECTURE.md, Replay 6): an event that arrives while
 * CONNECT is still running waits for it.
 * @param settled whether to wait for the listeners too, not only for the commit
 * @returns the open row; undefined if the socket has ended, or its CONNECT died
 */
export async function awaitOpen(
  { ports, deadline }: PacketContext,
  row: SocketRecord,
  settled: boolean,
): Promise<SocketRecord | undefined> {
  const { store, clock } = ports;
  const until = Math.min(clock.now() + PATIENCE_MS, deadline);
  let current: SocketRecord | undefined = row;
  const nextWait = looks(LOOKS);
  for (;;) {
    if (current === undefined || current.phase === "ended") return undefined;
    const now = clock.now();
    const waiting: number | undefined = current.phase === "connecting" ? current.deadline : current.running;
    const over =
      now >= until || waiting === undefined || now >= waiting || (current.phase === "open" && !settled);
    if (over) return current.phase === "open" ? current : undefined;
    await clock.sleep(Math.min(nextWait(), until - now, waiting - now));
    current = await store.readSocket(row);
  }
}
