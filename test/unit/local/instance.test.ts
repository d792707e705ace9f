import { rm } from "node:fs/promises";
import { afterEach, expect, test } from "@jest/globals";
import { createIam } from "../../../infra/local/iam/iam.ts";
import { runtimeEnvironment } from "../../../infra/local/lambda/environment.ts";
import { Instance } from "../../../infra/local/lambda/instance.ts";
import type { FunctionModel } from "../../../infra/local/model.ts";
import { ACCOUNT, makeFunction, REGION } from "./lambda-fixture.ts";

/** No bundle loads faster. */
const initTimeoutMs = 1;

const instances: Instance[] = [];

afterEach(async () => {
  for (const instance of instances.splice(0)) {
    await instance.terminate();
    await rm(instance.fn.codeDir, { recursive: true, force: true });
  }
});

function start(fn: FunctionModel): { readonly instance: Instance; readonly lines: readonly string[] } {
  const credentials = createIam({ account: ACCOUNT }).credentialsFor(fn);
  const [logGroup, logStream] = ["group", "stream"];
  const lines: string[] = [];
  const instance = new Instance({
    ...{ fn, credentials, logGroup, logStream, skewMs: 0, initTimeoutMs },
    env: { ...runtimeEnvironment(fn, { region: REGION, credentials, logGroup, logStream }) },
    onLog: ({ text }) => lines.push(text),
  });
  instances.push(instance);
  return { instance, lines };
}

const ENDLESS = "export const handler = () => new Promise((resolve) => setTimeout(resolve, 3_600_000));";

test("a bundle that loads for longer than an init may take has the time of the invocation, too", async () => {
  const { instance, lines } = start(
    await makeFunction("export const handler = async () => 1;", { timeoutSec: 60 }),
  );
  expect(await instance.initialized).toBeUndefined();
  const invocation = { requestId: "r", payload: "{}", traceId: "" };
  expect(await instance.invoke(invocation)).toEqual({ kind: "succeeded", payload: "1" });
  expect(lines).toEqual([]);
});

test("a bundle that never loads has timed out then", async () => {
  const hanging =
    "setInterval(() => {}, 1_000); await new Promise(() => {}); export const handler = () => 1;";
  const { instance, lines } = start(await makeFunction(hanging, { timeoutSec: 0.2 }));
  expect(await instance.initialized).toEqual({ kind: "timeout" });
  expect(instance.dead).toBe(true);
  expect(lines).toEqual([
    "The bundle did not load within 0.201 s: 0.001 s, and the function's timeout of 0.2 s.",
  ]);
});

test("one that is let go while something runs on it fails that, and says nothing of it in the log", async () => {
  const { instance, lines } = start(await makeFunction(ENDLESS, { timeoutSec: 60 }));
  await instance.initialized;
  const running = instance.invoke({ requestId: "r", payload: "{}", traceId: "" });
  await instance.terminate();
  expect(await running).toMatchObject({ kind: "failed", errorType: "Runtime.ExitError" });
  expect(lines).toEqual([]);
});

test("one that crashes says so", async () => {
  const { instance, lines } = start(await makeFunction(ENDLESS, { timeoutSec: 60 }));
  await instance.initialized;
  const running = instance.invoke({ requestId: "r", payload: "{}", traceId: "" });
  expect(await instance.crash()).toBe(true);
  expect(await running).toMatchObject({ kind: "failed", errorType: "Runtime.ExitError" });
  expect(lines).toEqual(["RequestId: r Error: Runtime exited with error: exit status 1"]);
});
