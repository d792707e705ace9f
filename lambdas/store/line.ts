import type { LinePosition } from "../server/ports/sockets.ts";
import type { Store } from "../server/ports/store.ts";
import { asText } from "./items.ts";
import { connectionKey } from "./keys.ts";
import { isWinner, newToken } from "./table/claims.ts";
import { Expression } from "./table/expression.ts";
import { methodsOf } from "./table/methods.ts";
import type { Table } from "./table/table.ts";

export type LineStore = Pick<Store, "moveLine" | "countLine" | "claimRetry">;

/** How far the frames of a connection's line have come: in the connection's row, which each batch of them reads anyway. */
export function lineStore(table: Table): LineStore {
  return methodsOf(table, { moveLine, countLine, claimRetry });
}

/** One write. A connection that has ended has no line. */
async function moveLine(table: Table, connectionId: string, done: string): Promise<void> {
  const move = new Expression().set(["lineDone"], done);
  move.require(move.live(table.now()), move.anyOf(move.absent(["lineDone"]), move.below(["lineDone"], done)));
  await table.update(connectionKey(connectionId), `The line of connection ${connectionId}`, move);
}

/** One write. */
async function countLine(
  table: Table,
  connectionId: string,
  { done, gap }: Required<Pick<LinePosition, "done">> & Pick<LinePosition, "gap">,
): Promise<void> {
  const count = new Expression().set(["lineDone"], done);
  if (gap === undefined) count.remove(["lineGap"]);
  else count.set(["lineGap"], gap);
  const isNoStepBack = count.anyOf(count.absent(["lineDone"]), count.atMost(["lineDone"], done));
  count.require(count.live(table.now()), isNoStepBack);
  await table.update(connectionKey(connectionId), `The line of connection ${connectionId}`, count);
}

/** One write. */
async function claimRetry(table: Table, connectionId: string, sequence: string): Promise<boolean> {
  const token = newToken();
  const key = connectionKey(connectionId);
  const claim = new Expression().set(["lineRetried"], sequence).set(["lineRetriedBy"], token);
  const isLater = (name: string): string => claim.anyOf(claim.absent([name]), claim.below([name], sequence));
  claim.require(claim.live(table.now()), isLater("lineDone"), isLater("lineRetried"));
  const written = await table.update(key, `Running a frame of connection ${connectionId} again`, claim);
  return isWinner(written, token, async () => asText((await table.get(key))?.lineRetriedBy));
}
