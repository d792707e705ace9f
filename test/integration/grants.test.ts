import { EventEmitter, once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import type { PolicyStatement } from "../../infra/local/model.ts";
import { loadModel } from "../../infra/local/template/load.ts";
import { assemblyOf } from "../support/assemblies.ts";
import { TestClouds } from "../support/cloud.ts";
import {
  type Conversation,
  converse,
  covers,
  type Denied,
  deniedIn,
  missingStatements,
  shoutToMany,
  waitForHeartbeat,
} from "../support/iam-scenario.ts";
import { grantsOf, starved, withoutGrant, withPingInterval } from "../support/synth.ts";
import { THOROUGH } from "../support/thorough.ts";

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

/**
 * A right is taken from a cloud that runs, and given back. What a conversation of the socket function leaves behind when it is
 * refused is in no other's way; the others need a cloud for each right, which only the gate has time for.
 */
const GROUPS = [
  { of: "the socket function", sids: SOCKET_GRANTS, shared: true, timeScale: 1, converse },
  // Where ids happen to be spread evenly no worker has more than its share: seldom, and not many times in a row.
  { of: "the fan-out", sids: FAN_OUT_GRANTS, shared: false, timeScale: 1, tries: 5, converse: shoutToMany },
  {
    of: "the heartbeat",
    sids: HEARTBEAT_GRANTS,
    shared: false,
    timeScale: TIME_SCALE,
    converse: waitForHeartbeat,
  },
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
const conversations: Conversation[] = [];
let directory: string;
let assembly: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "skysocket-grants-"));
  assembly = join(directory, "whole");
  // The direct way; what the line needs besides is in line-rights.test.ts.
  await withPingInterval(await assemblyOf({ app: APP, ordered: false }), PING_INTERVAL, assembly);
});

afterEach(() => {
  for (const conversation of conversations.splice(0)) conversation.stop();
});

afterAll(async () => {
  await clouds.stop();
  await rm(directory, { recursive: true, force: true });
});

interface Watched {
  readonly cloud: LocalCloud;
  /** What was refused, in order. */
  readonly denials: readonly Denied[];
  /** Resolves with what is refused next. */
  nextDenied(): Promise<Denied>;
  /** Resolves when Lambda has given up an event, and kept it. */
  readonly kept: Promise<void>;
}

/** A cloud with what its policies refuse. */
async function boot(from: string, { timeScale }: { readonly timeScale: number }): Promise<Watched> {
  const denials: Denied[] = [];
  const news = new EventEmitter();
  const kept = once(news, "kept").then(() => undefined);
  const cloud = await clouds.start({
    assembly: from,
    timeScale,
    onLog: ({ text }) => {
      if (text.includes("it is in the queue")) news.emit("kept");
      const denial = deniedIn(text);
      if (!denial) return;
      denials.push(denial);
      news.emit("denied", denial);
    },
  });
  const nextDenied = async (): Promise<Denied> => (await once(news, "denied"))[0];
  return { cloud, denials, nextDenied, kept };
}

/** Begins a conversation, which ends with the test at the latest. */
function talk(cloud: LocalCloud, converse: (url: string) => Conversation): Conversation {
  const conversation = converse(cloud.ws);
  conversations.push(conversation);
  return conversation;
}

/** As often as it takes: whether a function is too busy is decided by who comes first. */
async function talkUntil<T>(
  happened: Promise<T>,
  cloud: LocalCloud,
  converse: (url: string) => Conversation,
): Promise<T> {
  const isOver = happened.then(() => true);
  for (;;) {
    const conversation = talk(cloud, converse);
    const said = conversation.done.then(
      () => false,
      () => false,
    );
    if (await Promise.race([isOver, said])) {
      conversation.stop();
      return await happened;
    }
  }
}

/** What is refused to one of this many conversations. */
async function deniedWithin(
  tries: number,
  denied: Promise<Denied>,
  cloud: LocalCloud,
  converse: (url: string) => Conversation,
): Promise<Denied> {
  for (let left = tries; left > 0; left--) {
    const conversation = talk(cloud, converse);
    try {
      const denial = await Promise.race([denied, conversation.done]);
      if (denial) return denial;
    } finally {
      conversation.stop();
    }
  }
  throw new Error(`nothing was refused to ${tries} conversations`);
}

/** Some of those that workers post to are gone then, and nobody has noticed. */
function loseDisconnects({ chaos }: LocalCloud, conversation: typeof converse): void {
  if (conversation === shoutToMany) chaos.set({ loseDisconnect: 1 });
}

/** The one statement of the cloud that `crippled` lacks. */
function statementOf(sid: string, { model }: LocalCloud, crippled: string): PolicyStatement {
  const [statement, another] = missingStatements(model, loadModel(crippled));
  if (!statement || another) throw new Error(`not exactly one statement is called ${sid}`);
  return statement;
}

test("the rights of the functions are the ones that are taken away one by one below", async () => {
  const taken = [...GROUPS.flatMap(({ sids }) => sids), ...FAILURES.map(({ sid }) => sid)];
  expect((await grantsOf(assembly)).sort()).toEqual(taken.sort());
});

describe.each(GROUPS)("the rights of $of", ({ sids, shared, timeScale, tries = 1, converse }) => {
  let watched: Watched | undefined;

  async function cloudOfGroup(): Promise<Watched> {
    watched ??= await boot(assembly, { timeScale });
    return watched;
  }

  afterEach(async () => {
    if (shared) return;
    watched = undefined;
    await clouds.stopClouds();
  });

  afterAll(() => clouds.stopClouds());

  test("suffice for a conversation that uses all of them", async () => {
    const { cloud, denials, nextDenied } = await cloudOfGroup();
    const refused = nextDenied().then(({ action, resource }) => {
      throw new Error(`no statement of infra/constructs/grants.ts allows ${action} on ${resource}`);
    });
    refused.catch(() => undefined); // of the tests that follow
    loseDisconnects(cloud, converse);
    await Promise.race([talk(cloud, converse).done, refused]);
    cloud.chaos.off();
    expect(denials).toEqual([]);
    expect(cloud.logs.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });

  if (!shared && !THOROUGH) return;
  test.each(sids)(
    "without %s the same conversation is refused, and the log says what is missing",
    async (sid) => {
      const { cloud, denials, nextDenied } = await cloudOfGroup();
      const crippled = join(directory, sid);
      await withoutGrant(assembly, sid, crippled);
      // The log of an instance is opened when it starts: all start anew, and none before the right is gone.
      if (sid.endsWith("Logs")) await cloud.reload();
      const removed = statementOf(sid, cloud, crippled);
      const before = denials.length;
      const denied = nextDenied();
      const giveBack = cloud.withdraw(removed);
      loseDisconnects(cloud, converse);
      try {
        expect(covers(removed, await deniedWithin(tries, denied, cloud, converse))).toBe(true);
      } finally {
        cloud.chaos.off();
        giveBack();
      }
      // Nothing else is missing: the other rights are all there.
      expect(denials.slice(before).filter((denial) => !covers(removed, denial))).toEqual([]);
    },
  );
});

describe("what Lambda gives up", () => {
  afterEach(() => clouds.stopClouds());

  test.each(THOROUGH ? FAILURES : FAILURES.slice(0, 1))(
    "$sid keeps what the function could not do; without it that is lost, and the log says what is missing",
    async ({ sid, timeScale, converse, ...starving }) => {
      const starvedAssembly = join(directory, `starved-${sid}`);
      await starved(assembly, starving, starvedAssembly);
      const { cloud, denials, nextDenied, kept } = await boot(starvedAssembly, { timeScale });
      loseDisconnects(cloud, converse);
      await talkUntil(kept, cloud, converse);
      const [queue] = cloud.model.queues;
      expect(denials).toEqual([]);
      expect(JSON.parse(cloud.queues.messages(queue?.arn ?? "")[0] ?? "")).toMatchObject({
        requestContext: { functionArn: expect.stringContaining(starving.of) },
        requestPayload: expect.anything(),
      });

      const crippled = join(directory, sid);
      await withoutGrant(starvedAssembly, sid, crippled);
      const removed = statementOf(sid, cloud, crippled);
      const denied = nextDenied();
      cloud.withdraw(removed);
      expect(covers(removed, await talkUntil(denied, cloud, converse))).toBe(true);
    },
  );
});
