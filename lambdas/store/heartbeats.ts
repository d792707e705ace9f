import { DONE, forgettable, type HeartbeatStore, type Pulse, type Turns } from "../server/ports/heartbeat.ts";
import { BEAT, byeOf } from "./items.ts";
import { beatPks, connectionIdOf, connectionPk, SOCKET_SK, turnsKey } from "./keys.ts";
import type { DynamoStoreOptions } from "./table/dynamo-options.ts";
import { Expression, isLive, type Path } from "./table/expression.ts";
import { type Item, ItemReader, readable } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import { mergePages } from "./table/pages.ts";
import { Table } from "./table/table.ts";

/** The index over {@link BEAT}. infra/constructs/skysocket-api.ts makes it, and names what it holds. */
export const HEARTBEAT_INDEX = "heartbeat";

/** A page is in memory while its connections are posted to: of 1 MB it would have thousands. It costs no more reads. */
const PAGE_SIZE = 500;

/** Of the same table; it has to have the index. */
export type HeartbeatStoreOptions = Pick<DynamoStoreOptions, "client" | "table" | "clock">;

/** What the heartbeat reads and writes of the table. */
export function createHeartbeatStore({ client, table: name, clock }: HeartbeatStoreOptions): HeartbeatStore {
  const table = new Table({ client, name, clock });
  return {
    ...methodsOf(table, { listConnections, claimTurn, finishTurns, releaseTurns }),
    hasSocket: (connectionId) => table.has(connectionPk(connectionId), SOCKET_SK),
  };
}

/** One Query for each shard and page; half a read unit where there is nobody. */
async function* listConnections(table: Table, minute: number): AsyncGenerator<readonly Pulse[]> {
  const shards = beatPks(minute).map((value) =>
    table.queryIndex({ index: HEARTBEAT_INDEX, attribute: BEAT, value, pageSize: PAGE_SIZE }),
  );
  for await (const page of mergePages(shards)) {
    const now = table.now();
    yield readable(page, (item) => {
      const read = new ItemReader(item);
      if (!isLive(read.number("expiresAt"), now)) return [];
      const connectionId = connectionIdOf(read.text("pk"));
      return [{ connectionId, connectedAt: read.number("connectedAt"), ...byeOf(read) }];
    }).flat();
  }
}

const TURN = /^t(\d+)$/;
const turnName = (minute: number): string => `t${minute}`;

/** One write; one more if the response of the first was lost. */
async function claimTurn(
  table: Table,
  minute: number,
  now: number,
  until: number,
): Promise<Turns | undefined> {
  // A part of a millisecond of its own: by it a claim knows itself, if its first sending won and the second lost.
  const mine = until + Math.random();
  const path: Path = [turnName(minute)];
  const claim = new Expression().set(path, mine);
  claim.require(claim.anyOf(claim.absent(path), claim.below(path, now)));
  const subject = `Taking the heartbeat's turn of minute ${minute}`;
  const { ok, old, resent } = await table.update(turnsKey(), subject, claim, "ALL_OLD");
  if (!ok && resent) {
    const again = new Expression().set(path, mine);
    again.require(again.equals(path, mine));
    const second = await table.update(turnsKey(), subject, again, "ALL_OLD");
    return second.ok ? turnsOf(second.old).set(minute, mine) : undefined;
  }
  return ok ? turnsOf(old).set(minute, mine) : undefined;
}

function turnsOf(item: Item | undefined): Map<number, number> {
  const turns = new Map<number, number>();
  for (const [name, until] of Object.entries(item ?? {})) {
    const [, minute] = TURN.exec(name) ?? [];
    if (minute !== undefined && typeof until === "number") turns.set(Number(minute), until);
  }
  return turns;
}

/** One write. */
async function finishTurns(table: Table, minutes: readonly number[], known: Turns): Promise<void> {
  const change = new Expression();
  for (const minute of minutes) change.set([turnName(minute)], DONE);
  for (const minute of forgettable(minutes, known)) change.remove([turnName(minute)]);
  await table.update(turnsKey(), "The heartbeat's turn", change);
}

/** One write. */
async function releaseTurns(table: Table, minutes: readonly number[]): Promise<void> {
  const change = new Expression();
  for (const minute of minutes) change.remove([turnName(minute)]);
  await table.update(turnsKey(), "Giving the heartbeat's turn back", change);
}
