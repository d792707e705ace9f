import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { loadModel } from "../../infra/local/template/load.ts";
import { TestClouds } from "../support/cloud.ts";
import { converse, covers, type Denied, deniedIn, missingStatements } from "../support/iam-scenario.ts";
import { grantsOf, synthesize, withoutGrant } from "../support/synth.ts";

/**
 * Every right in the template is needed, and the template has all that are: one short conversation uses each, and without any
 * single one of them it is refused, with the action and the resource named.
 */
const APP = fileURLToPath(new URL("../apps/grants.ts", import.meta.url));
/** Sids of infra/constructs/grants.ts. Written down here, so that each is a test of its own; the first test compares. */
const GRANTS = [
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

jest.setTimeout(60_000);
const clouds = new TestClouds();
let directory: string;
let assembly: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "skysocket-grants-"));
  ({ outdir: assembly } = await synthesize({ app: APP, outdir: join(directory, "cdk.out") }));
});

afterEach(() => clouds.stopClouds());

afterAll(async () => {
  await clouds.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A cloud with what its policies refuse. */
async function boot(
  from: string,
): Promise<{ cloud: LocalCloud; denials: Denied[]; denied: Promise<Denied> }> {
  const denials: Denied[] = [];
  let tell = (_: Denied): void => undefined;
  const denied = new Promise<Denied>((resolve) => {
    tell = resolve;
  });
  const cloud = await clouds.start({
    assembly: from,
    onLog: ({ text }) => {
      const denial = deniedIn(text);
      if (!denial) return;
      denials.push(denial);
      tell(denial);
    },
  });
  return { cloud, denials, denied };
}

describe("the rights of the functions", () => {
  test("are the ones that are taken away one by one below", async () => {
    expect((await grantsOf(assembly)).sort()).toEqual([...GRANTS].sort());
  });

  test("suffice for a conversation that uses them all", async () => {
    const { cloud, denials, denied } = await boot(assembly);
    const refused = denied.then(({ action, resource }) => {
      throw new Error(`no statement of infra/constructs/grants.ts allows ${action} on ${resource}`);
    });
    await Promise.race([converse(cloud.ws).done, refused]);
    expect(denials).toEqual([]);
    expect(cloud.logs.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual([]);
  });

  test.each(GRANTS)(
    "without %s the same conversation is refused, and the log says what is missing",
    async (sid) => {
      const crippled = join(directory, sid);
      await withoutGrant(assembly, sid, crippled);
      const [removed, another] = missingStatements(loadModel(assembly), loadModel(crippled));
      if (!removed || another) throw new Error(`not exactly one statement is called ${sid}`);
      const { cloud, denied, denials } = await boot(crippled);
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
});
