import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { loadModel } from "../../infra/local/template/load.ts";
import { TestClouds } from "../support/cloud.ts";
import {
  converse,
  covers,
  type Denied,
  deniedIn,
  missingStatements,
  shoutToMany,
  waitForHeartbeat,
} from "../support/iam-scenario.ts";
import { grantsOf, starved, synthesize, withoutGrant, withPingInterval } from "../support/synth.ts";

/**
 * Every right in the template is needed, and the template has all that are: one short conversation uses each, and without any
 * single one of them it is refused, with the action and the resource named.
 */
const APP = fileURLToPath(new URL("../apps/grants.ts", import.meta.url));
/** Sids of infra/constructs/grants.ts. Written down here, so that each is a test of its own; the first test compares. */
const SOCKET_GRANTS = [
  "TableGetItem",
  "TableBatchGetItem",
  "TableQuery",
  "TablePutItem",
  "TableUpdateItem",
  "TableDeleteItem",
  "ConnectionPost",
  "ConnectionDelete",
  "Logs",
  "InvokeSelf",
];
const HEARTBEAT_GRANTS = [
  "HeartbeatQueryIndex",
  "HeartbeatQuery",
  "HeartbeatUpdateItem",
  "HeartbeatPost",
  "HeartbeatInvokeSocket",
  "HeartbeatLogs",
];
const FAN_OUT_GRANTS = [
  "InvokeFanOut",
  "FanOutQuery",
  "FanOutGetItem",
  "FanOutUpdateItem",
  "FanOutPost",
  "FanOutLogs",
  "FanOutInvokeSelf",
  "FanOutInvokeSocket",
];
/** For the heartbeat alone: its minute is a second and a half then, and a connection idle for 15 s is closed. */
const TIME_SCALE = 40;
/** In minutes, so that even a busy machine pings before that. */
const PING_INTERVAL = 4;

const scenarios = [
  ...SOCKET_GRANTS.map((sid) => ({ sid, timeScale: 1, converse })),
  ...FAN_OUT_GRANTS.map((sid) => ({ sid, timeScale: 1, converse: shoutToMany })),
  ...HEARTBEAT_GRANTS.map((sid) => ({ sid, timeScale: TIME_SCALE, converse: waitForHeartbeat })),
];

/**
 * Lambda sends what a function could not do with the function's own role, so these are needed only where it fails: the socket
 * function is busy with $connect when its first task comes, the others may not run at all.
 */
const FAILURES = [
  { sid: "FailedTasks", of: "RealtimeSocket", reserved: 1, maxAgeSec: 0, timeScale: 1, converse },
  { sid: "FanOutFailedTasks", of: "RealtimeFanOut", reserved: 0, timeScale: 1, converse: shoutToMany },
  {
    sid: "HeartbeatFailedTasks",
    of: "RealtimeHeartbeat",
    reserved: 0,
    timeScale: TIME_SCALE,
    converse: waitForHeartbeat,
  },
];

const clouds = new TestClouds();
let directory: string;
let assembly: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "skysocket-grants-"));
  const { outdir } = await synthesize({ app: APP, outdir: join(directory, "cdk.out") });
  assembly = join(directory, "whole");
  await withPingInterval(outdir, PING_INTERVAL, assembly);
});

afterEach(() => clouds.stopClouds());

afterAll(async () => {
  await clouds.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A cloud with what its policies refuse. */
async function boot(
  from: string,
  { timeScale, converse }: Pick<(typeof scenarios)[number], "timeScale" | "converse">,
): Promise<{
  cloud: LocalCloud;
  denials: Denied[];
  denied: Promise<Denied>;
  /** Resolves when Lambda has given up an event, and kept it. */
  kept: Promise<void>;
}> {
  const denials: Denied[] = [];
  let tell = (_: Denied): void => undefined;
  const denied = new Promise<Denied>((resolve) => {
    tell = resolve;
  });
  let tellKept = (): void => undefined;
  const kept = new Promise<void>((resolve) => {
    tellKept = resolve;
  });
  const cloud = await clouds.start({
    assembly: from,
    timeScale,
    // Some of those that workers post to are gone, and nobody has noticed.
    ...(converse === shoutToMany && { chaos: { loseDisconnect: 1 } }),
    onLog: ({ text }) => {
      if (text.includes("it is in the queue")) tellKept();
      const denial = deniedIn(text);
      if (!denial) return;
      denials.push(denial);
      tell(denial);
    },
  });
  return { cloud, denials, denied, kept };
}

describe("the rights of the functions", () => {
  test("are the ones that are taken away one by one below", async () => {
    expect((await grantsOf(assembly)).sort()).toEqual(
      [...scenarios, ...FAILURES].map(({ sid }) => sid).sort(),
    );
  });

  test.each([
    { of: "the socket function", timeScale: 1, converse },
    { of: "the fan-out", timeScale: 1, converse: shoutToMany },
    { of: "the heartbeat", timeScale: TIME_SCALE, converse: waitForHeartbeat },
  ])("suffice for a conversation that uses all those of $of", async ({ timeScale, converse }) => {
    const { cloud, denials, denied } = await boot(assembly, { timeScale, converse });
    const refused = denied.then(({ action, resource }) => {
      throw new Error(`no statement of infra/constructs/grants.ts allows ${action} on ${resource}`);
    });
    await Promise.race([converse(cloud.ws).done, refused]);
    expect(denials).toEqual([]);
    expect(cloud.logs.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });

  test.each(scenarios)(
    "without $sid the same conversation is refused, and the log says what is missing",
    async ({ sid, timeScale, converse }) => {
      const crippled = join(directory, sid);
      await withoutGrant(assembly, sid, crippled);
      const [removed, another] = missingStatements(loadModel(assembly), loadModel(crippled));
      if (!removed || another) throw new Error(`not exactly one statement is called ${sid}`);
      const { cloud, denied, denials } = await boot(crippled, { timeScale, converse });
      const conversation = converse(cloud.ws);
      const unhindered = conversation.done.then(() => {
        throw new Error(`nothing was refused without ${sid}`);
      });
      const first = await Promise.race([denied, unhindered]);
      conversation.stop();
      expect(covers(removed, first)).toBe(true);
      // Nothing else is missing: the other rights are all there.
      expect(denials.filter((denial) => !covers(removed, denial))).toEqual([]);
    },
  );

  test.each(FAILURES)(
    "$sid keeps what the function could not do; without it that is lost, and the log says what is missing",
    async ({ sid, timeScale, converse, ...starving }) => {
      const starvedAssembly = join(directory, `starved-${sid}`);
      await starved(assembly, starving, starvedAssembly);
      const whole = await boot(starvedAssembly, { timeScale, converse });
      const first = converse(whole.cloud.ws);
      await whole.kept;
      first.stop();
      const [queue] = whole.cloud.model.queues;
      expect(whole.denials).toEqual([]);
      expect(JSON.parse(whole.cloud.queues.messages(queue?.arn ?? "")[0] ?? "")).toMatchObject({
        requestContext: { functionArn: expect.stringContaining(starving.of) },
        requestPayload: expect.anything(),
      });
      await clouds.stopClouds();

      const crippled = join(directory, sid);
      await withoutGrant(starvedAssembly, sid, crippled);
      const [removed, another] = missingStatements(loadModel(starvedAssembly), loadModel(crippled));
      if (!removed || another) throw new Error(`not exactly one statement is called ${sid}`);
      const part = await boot(crippled, { timeScale, converse });
      const second = converse(part.cloud.ws);
      expect(covers(removed, await part.denied)).toBe(true);
      second.stop();
    },
  );
});
