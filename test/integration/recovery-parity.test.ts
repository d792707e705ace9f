import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { RECOVERY_NAMESPACES } from "../apps/core/recovery.ts";
import { play, type Traces } from "../support/scenario.ts";
import { startCloudTarget } from "../support/scenario-cloud.ts";
import type { Target } from "../support/scenario-target.ts";
import type { Entry } from "../support/scenario-trace.ts";
import { startStock } from "../support/stock.ts";
import { carefulRecovery, recovery } from "./parity/scenarios/recovery.ts";

/**
 * Recovery as stock has it, with the in-memory adapter: clients see the same but for two things, which are treated here and
 * nowhere else. On stock what a client missed comes before its `connect`, and here after; and here a string at the end of a
 * volatile event is followed by a `null`, since clients would take it for an offset.
 */
const GROUPS = [
  { ...recovery, app: "recovery" },
  { ...carefulRecovery, app: "recovery-careful" },
];
/** The one event that the application sends volatile. */
const VOLATILE = "whispered";

describe.each(GROUPS)("$title", ({ app, scenarios }) => {
  const path = fileURLToPath(new URL(`../apps/${app}.ts`, import.meta.url));
  let stock: Target;
  let cloud: Target;

  beforeAll(async () => {
    const targets = await Promise.all([startStock(path), startCloudTarget(path)]);
    const [oracle, ours] = targets.map((target) => ({ ...target, ready: RECOVERY_NAMESPACES }));
    if (!oracle || !ours) throw new Error("no targets");
    [stock, cloud] = [oracle, ours];
  });

  afterAll(async () => {
    await Promise.all([cloud?.stop(), stock?.stop()]);
  });

  test.each(scenarios)("$name", async (scenario) => {
    const [oracle, ours] = await Promise.all([play(scenario, stock), play(scenario, cloud)]);
    expect([oracle.unclaimed, ours.unclaimed]).toEqual([{}, {}]);
    if (process.env.TRACE) process.stdout.write(`${JSON.stringify(oracle.traces, null, 1)}\n`);
    const expected = mapTraces(oracle.traces, (entries) => connectFirst(withoutOffsets(entries)));
    expect(mapTraces(ours.traces, (entries) => withoutNull(withoutOffsets(entries)))).toEqual(expected);
  });
});

function mapTraces(traces: Traces, change: (entries: readonly Entry[]) => readonly Entry[]): Traces {
  return Object.fromEntries(Object.entries(traces).map(([name, entries]) => [name, change(entries)]));
}

/** Both give applications the offsets; only what they look like is their own. */
function withoutOffsets(entries: readonly Entry[]): readonly Entry[] {
  return entries.map((entry): Entry => {
    if (entry[0] !== "on" || entry[1] === VOLATILE) return entry;
    const last = entry.at(-1);
    expect(entry.length).toBeGreaterThan(2);
    expect(last).toEqual(expect.stringMatching(/^[\w.-]{7,}$/));
    return [entry[0], ...entry.slice(1, -1), "<offset>"];
  });
}

/** Stock's `connect`, moved before the events that came between it and the `disconnect` before it. */
function connectFirst(entries: readonly Entry[]): readonly Entry[] {
  const moved: Entry[] = [];
  let since = 0;
  for (const entry of entries) {
    if (entry[0] === "connect") moved.splice(since, 0, entry);
    else moved.push(entry);
    if (entry[0] === "disconnect" || entry[0] === "connect_error") since = moved.length;
  }
  return moved;
}

/** Ours: the `null` that follows a string at the end of a volatile event. */
function withoutNull(entries: readonly Entry[]): readonly Entry[] {
  return entries.map((entry): Entry => {
    if (entry[0] !== "on" || entry[1] !== VOLATILE) return entry;
    expect([typeof entry.at(-2), entry.at(-1)]).toEqual(["string", null]);
    return [entry[0], ...entry.slice(1, -1)];
  });
}
