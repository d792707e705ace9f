import { expect, test } from "@jest/globals";
import { DONE, type HeartbeatStore, type Pulse } from "../../lambdas/server/ports/heartbeat.ts";
import type { ConnectionRecord } from "../../lambdas/server/ports/sockets.ts";
import { atOnce, HOUR, MINUTE, type StoreBench } from "./store-contract-bench.ts";

/** Registers the tests of what the heartbeat finds of connections that the store keeps. Both are of the same rows. */
export function heartbeatContract(bench: StoreBench, heartbeats: () => HeartbeatStore): void {
  const minuteOf = ({ connectedAt }: Pick<ConnectionRecord, "connectedAt">) =>
    Math.floor(connectedAt / MINUTE);

  const listed = async (minute: number): Promise<Pulse[]> => {
    const found: Pulse[] = [];
    for await (const page of heartbeats().listConnections(minute)) found.push(...page);
    return found;
  };

  /** To a minute in which no other test has made a connection. */
  const freshMinute = () => bench.pass(3 * HOUR);

  test("the heartbeat finds the connections of one minute, all of them and no others", async () => {
    freshMinute();
    bench.pass(MINUTE - (bench.clock.now() % MINUTE));
    const first = await bench.connection();
    bench.pass(MINUTE - 1);
    const last = await bench.connection();
    const others = await atOnce(20, () => bench.connection());
    bench.pass(1);
    const next = await bench.connection();
    const ids = (pulses: readonly { connectionId: string }[]) =>
      pulses.map(({ connectionId }) => connectionId).sort();
    expect(ids(await listed(minuteOf(first)))).toEqual(ids([first, last, ...others]));
    expect(await listed(minuteOf(next))).toEqual([
      { connectionId: next.connectionId, connectedAt: next.connectedAt },
    ]);
    expect(await listed(minuteOf(first) - 1)).toEqual([]);
  });

  test("the heartbeat sees that a connection is ending, why and since when, until it is deleted", async () => {
    freshMinute();
    const { connectionId, connectedAt } = await bench.connection();
    bench.pass(5 * MINUTE);
    const at = bench.clock.now();
    await bench.store.sayBye(connectionId, "transport error", at);
    const minute = minuteOf({ connectedAt });
    expect(await listed(minute)).toEqual([
      { connectionId, connectedAt, bye: { reason: "transport error", at } },
    ]);
    await bench.store.deleteConnection(connectionId);
    expect(await listed(minute)).toEqual([]);
  });

  test("the heartbeat sees no connection that has expired", async () => {
    freshMinute();
    const { connectionId, connectedAt } = await bench.connection();
    bench.pass(2 * HOUR + 9 * MINUTE);
    expect(await listed(minuteOf({ connectedAt }))).toEqual([{ connectionId, connectedAt }]);
    bench.pass(2 * MINUTE);
    expect(await listed(minuteOf({ connectedAt }))).toEqual([]);
  });

  test("connection ids come back as they were, whatever is in them", async () => {
    freshMinute();
    const ids = ["TXzPWdnOjoECGjA=", "a#b~c%d", "ü-_", bench.name("x")];
    for (const id of ids) await bench.connection(id);
    const minute = Math.floor(bench.clock.now() / MINUTE);
    expect((await listed(minute)).map(({ connectionId }) => connectionId).sort()).toEqual([...ids].sort());
  });

  test("a connection has a socket from the beginning of its first one on, for good", async () => {
    const { connectionId } = await bench.connection();
    expect(await heartbeats().hasSocket(connectionId)).toBe(false);
    expect(await heartbeats().hasSocket(bench.name("nobody"))).toBe(false);
    const socket = bench.newSocket(connectionId, "/any#namespace");
    await bench.store.beginSocket(socket);
    expect(await heartbeats().hasSocket(connectionId)).toBe(true);
    await bench.store.openSocket(socket, socket.id, bench.commit());
    await bench.store.endSocket(socket, socket.id, "client namespace disconnect", bench.clock.now());
    expect(await heartbeats().hasSocket(connectionId)).toBe(true);
  });

  test("a namespace whose name is too long for a key counts as well", async () => {
    const { connectionId } = await bench.connection();
    await bench.store.beginSocket(bench.newSocket(connectionId, `/${"n".repeat(3_000)}`));
    expect(await heartbeats().hasSocket(connectionId)).toBe(true);
  });

  test("a minute's turn goes to one run, to nobody once it is done, and to another one when its time is over", async () => {
    const minute = 30_000_000 + Math.floor(Math.random() * 1_000_000) * 100;
    const now = minute * MINUTE;
    const claim = (at: number, turn = minute) => heartbeats().claimTurn(turn, at, at + 50_000);
    const claims = await atOnce(5, () => claim(now));
    const [won, ...others] = claims.filter((known) => known !== undefined);
    expect(others).toEqual([]);
    expect(won?.get(minute)).toBeGreaterThanOrEqual(now + 50_000);
    expect(await claim(now + 50_000)).toBeUndefined();
    const known = await claim(now + 50_001);
    if (!known) throw new Error("nobody has the turn, and it was refused");
    await heartbeats().finishTurns([minute], known);
    expect(await claim(now + 365 * 24 * HOUR)).toBeUndefined();
    // The next one knows of it.
    expect((await claim(now, minute + 1))?.get(minute)).toBe(DONE);
  });

  test("a turn that is given back can be had at once", async () => {
    const minute = 70_000_000 + Math.floor(Math.random() * 1_000_000) * 100;
    const now = minute * MINUTE;
    await heartbeats().claimTurn(minute, now, now + 50_000);
    await heartbeats().releaseTurns([minute]);
    expect(await heartbeats().claimTurn(minute, now, now + 50_000)).toBeDefined();
  });

  test("old turns are forgotten, and those of another clock", async () => {
    const minute = 50_000_000 + Math.floor(Math.random() * 1_000_000) * 100;
    const now = minute * MINUTE;
    for (const turn of [minute - 17, minute - 16, minute + 17]) {
      await heartbeats().claimTurn(turn, now, now + 50_000);
    }
    const known = await heartbeats().claimTurn(minute, now, now + 50_000);
    if (!known) throw new Error("the turn was refused");
    await heartbeats().finishTurns([minute], known);
    const after = await heartbeats().claimTurn(minute + 1, now, now + 50_000);
    expect([...(after?.keys() ?? [])].sort()).toEqual([minute - 16, minute, minute + 1]);
  });
}
