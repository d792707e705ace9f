/** The judge of the simulations: why a packet to several rooms may come twice is asked of each room's log by itself. */
import { expect, test } from "@jest/globals";
import { Ledger } from "../../../support/recovery-ledger.ts";
import { noCounts, Verdict } from "../../../support/recovery-verdict.ts";
import { Simulation } from "../../../support/simulation.ts";

const SID = "a socket";
const LONG_MS = 10_000;

/** A socket in "lobby" gets a packet to "lobby" and "other" twice; these logs were told that it had been posted. */
function judged(told: readonly string[]) {
  const simulation = new Simulation(1);
  const ledger = new Ledger(simulation);
  const pass = (): void => {
    simulation.now += LONG_MS;
  };
  const began = ledger.now();
  ledger.stayOf(SID).joins.push({ room: "lobby", began, called: began, resolved: began, effective: true });
  pass();
  ledger.emitted(
    { n: 1, handler: 1, rooms: ["other", "lobby"], except: [] },
    () => new Promise(() => undefined),
  );
  for (const room of told) ledger.finished(1, room, []);
  pass();
  ledger.emitted({ n: 2, handler: 2, rooms: ["lobby"], except: [] }, () => new Promise(() => undefined));
  ledger.finished(2, "lobby", []);
  pass();
  const resumes = [{ asked: ledger.now(), from: 2 }];
  ledger.wentLive.set("pid", [ledger.now()]);
  const counts = noCounts();
  const session = { pid: "pid", sid: SID, received: [1, 2, 1], resumes };
  const verdict = new Verdict(ledger, session, { skewMs: 0, once: false }, counts);
  return { repeated: verdict.repeated(), died: counts.diedEmitter };
}

test.each([
  ["an emitter that died before it told the log of the socket's room is a reason", ["other"], [], 1],
  ["one that told it is none, whatever became of other rooms", ["lobby"], [1], 0],
  ["nor is one that told all", ["other", "lobby"], [1], 0],
])("%s", (_, told, repeated, died) => {
  expect(judged(told)).toEqual({ repeated, died });
});
