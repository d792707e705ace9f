import { rm } from "node:fs/promises";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { LambdaOptions } from "../../../infra/local/lambda/lambda.ts";
import type { CloudEvent, FunctionModel } from "../../../infra/local/model.ts";
import { type LambdaBench, makeFunction, SOURCE, startLambda } from "./lambda-fixture.ts";

let bench: LambdaBench | undefined;
afterEach(async () => {
  await bench?.stop();
  bench = undefined;
});

async function start(
  code: string,
  overrides: Partial<FunctionModel> = {},
  options: Partial<LambdaOptions> = {},
): Promise<LambdaBench> {
  bench = await startLambda([await makeFunction(code, overrides)], options);
  return bench;
}

const lambdaEvents = (events: readonly CloudEvent[]) => events.filter((event) => event.kind === "lambda");

describe("an invocation", () => {
  test("gets event and context, and its result comes back", async () => {
    const { lambda, events } = await start(
      `export const handler = async (event, context) => ({
         event, name: context.functionName, version: context.functionVersion, memory: context.memoryLimitInMB,
         arn: context.invokedFunctionArn, id: context.awsRequestId, left: context.getRemainingTimeInMillis() });`,
      { memoryMb: 256, timeoutSec: 7 },
    );
    const result = await lambda.invoke("Fn", { a: [1] }, SOURCE);
    expect(result).toEqual({
      outcome: "ok",
      payload: {
        event: { a: [1] },
        name: "stack-Fn",
        version: "$LATEST",
        memory: "256",
        arn: "arn:aws:lambda:us-east-1:000000000000:function:stack-Fn",
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        left: expect.any(Number),
      },
    });
    const [event] = lambdaEvents(events);
    expect(event).toMatchObject({
      functionId: "Fn",
      coldStart: true,
      outcome: "ok",
      trigger: SOURCE.principal,
    });
  });

  test("sees exactly the function's environment, the cloud's additions and Lambda's own", async () => {
    const { lambda } = await start(
      "export const handler = async () => process.env;",
      { environment: { TABLE_NAME: "t", AWS_REGION: "elsewhere" } },
      { env: (functionId) => ({ AWS_ENDPOINT_URL_LAMBDA: `http://${functionId}` }) },
    );
    const result = await lambda.invoke("Fn", {}, SOURCE);
    expect(result).toMatchObject({
      payload: {
        TABLE_NAME: "t",
        AWS_REGION: "us-east-1",
        AWS_ENDPOINT_URL_LAMBDA: "http://Fn",
        AWS_LAMBDA_FUNCTION_NAME: "stack-Fn",
        AWS_ACCESS_KEY_ID: expect.stringMatching(/^ASIA[0-9A-F]{16}$/),
        AWS_SESSION_TOKEN: expect.any(String),
        _X_AMZN_TRACE_ID: expect.stringMatching(/^Root=1-/),
        _HANDLER: "index.handler",
      },
    });
    // Nothing of this process leaks in.
    expect(result).not.toMatchObject({ payload: { HOME: expect.anything() } });
  });

  test("logs with its request id and level", async () => {
    const { lambda, logs } = await start(
      `console.log("loading");
       export const handler = async (event, context) => { console.error("bad", { n: 1 }); process.stdout.write("raw\\n"); return context.awsRequestId; };`,
    );
    const result = await lambda.invoke("Fn", {}, SOURCE);
    const requestId = result.outcome === "ok" ? result.payload : undefined;
    expect(logs).toEqual([
      expect.objectContaining({ level: "info", text: "loading", requestId: "init" }),
      expect.objectContaining({ level: "error", text: "bad { n: 1 }", requestId, functionId: "Fn" }),
      expect.objectContaining({ level: "info", text: "raw", requestId }),
    ]);
  });

  test("that throws is an error outcome, and the instance goes on", async () => {
    const { lambda, events } = await start(
      `let n = 0; export const handler = async (event) => { n++; if (event.fail) throw new RangeError("no"); return n; };`,
      {},
      { instancesInTurn: 1 },
    );
    expect(await lambda.invoke("Fn", { fail: true }, SOURCE)).toEqual({
      outcome: "error",
      errorType: "RangeError",
      message: "no",
    });
    expect(await lambda.invoke("Fn", {}, SOURCE)).toEqual({ outcome: "ok", payload: 2 });
    expect(lambdaEvents(events).map((event) => event.coldStart)).toEqual([true, false]);
  });

  test("of a function that does not let the source in is refused", async () => {
    const permissions = [{ principal: SOURCE.principal, sourceArn: "arn:aws:execute-api:x:y:api/*$default" }];
    const { lambda, logged } = await start("export const handler = async () => 1;", { permissions });
    const result = await lambda.invoke("Fn", {}, SOURCE);
    expect(result).toMatchObject({ outcome: "error", errorType: "AccessDeniedException" });
    await logged("lambda:InvokeFunction");
    const inside = { ...SOURCE, arn: "arn:aws:execute-api:x:y:api/prod/$default" };
    expect(await lambda.invoke("Fn", {}, inside)).toEqual({ outcome: "ok", payload: 1 });
  });

  test("of an unknown function names those that there are", async () => {
    const { lambda } = await start("export const handler = async () => 1;");
    await expect(lambda.invoke("Gone", {}, SOURCE)).rejects.toThrow(/"Gone".*Fn/);
  });
});

describe("the freeze", () => {
  test("stops timers and promises after the response, and lets them go on with the next invocation", async () => {
    const { lambda } = await start(
      `const ticks = [];
       export const handler = async (event) => {
         if (event.start) { setInterval(() => ticks.push(Date.now()), 1); return Date.now(); }
         await new Promise((r) => setTimeout(r, 20));
         return ticks;
       };`,
      {},
      { instancesInTurn: 1 },
    );
    const started = await lambda.invoke("Fn", { start: true }, SOURCE);
    // The time that passes here is what a floating interval would tick through; another worker's work measures it out.
    const until = Date.now() + 60;
    while (Date.now() < until) await new Promise((resolve) => setImmediate(resolve));
    const result = await lambda.invoke("Fn", {}, SOURCE);
    if (started.outcome !== "ok" || result.outcome !== "ok") throw new Error("not ok");
    const ticks = result.payload;
    if (!Array.isArray(ticks) || typeof started.payload !== "number") throw new Error("no ticks");
    expect(ticks.length).toBeGreaterThan(0);
    const frozenUntil = started.payload + 55;
    // At most one tick can lie in the two event loop turns before the freeze.
    expect(ticks.filter((tick) => tick < frozenUntil).length).toBeLessThanOrEqual(1);
  });

  test("does not keep an instance from being stopped", async () => {
    const { lambda } = await start("export const handler = async () => 1;");
    await lambda.invoke("Fn", {}, SOURCE);
    await expect(lambda.stop()).resolves.toBeUndefined();
  });
});

describe("failures of an instance", () => {
  const dying = (statement: string) => `let n = 0;
    export const handler = async (event) => { n++; if (event.die) { ${statement}; await new Promise(() => setInterval(() => {}, 1000)); } return n; };`;

  test.each([
    [
      "an unhandled rejection",
      "Promise.reject(new Error('lost'))",
      "Runtime.UnhandledPromiseRejection",
      /lost/,
    ],
    ["an uncaught exception", "setImmediate(() => { throw new TypeError('boom'); })", "TypeError", /boom/],
    ["process.exit", "process.exit(3)", "Runtime.ExitError", /exit status 3/],
    [
      "an exception with the runtime's listeners removed",
      "process.removeAllListeners(); setImmediate(() => { throw new Error('bare'); })",
      "Runtime.ExitError",
      /exit status 1/,
    ],
  ])("%s kills it; the next invocation starts cold", async (_name, statement, errorType, message) => {
    const { lambda, events } = await start(dying(statement), {}, { instancesInTurn: 1 });
    const result = await lambda.invoke("Fn", { die: true }, SOURCE);
    expect(result).toEqual({ outcome: "error", errorType, message: expect.stringMatching(message) });
    expect(await lambda.invoke("Fn", {}, SOURCE)).toEqual({ outcome: "ok", payload: 1 });
    expect(lambdaEvents(events).map((event) => event.coldStart)).toEqual([true, true]);
  });

  test("an unhandled rejection that the bundle handles does not kill it", async () => {
    const { lambda } = await start(
      `process.removeAllListeners("unhandledRejection");
       let seen; process.on("unhandledRejection", (error) => { seen = error.message; });
       export const handler = async () => { Promise.reject(new Error("mine")); await new Promise((r) => setTimeout(r, 5)); return seen; };`,
    );
    expect(await lambda.invoke("Fn", {}, SOURCE)).toEqual({ outcome: "ok", payload: "mine" });
  });

  test("a handler that can never settle is an error at once", async () => {
    const { lambda } = await start(
      "export const handler = async (event) => event.hang ? new Promise(() => {}) : 1;",
    );
    const result = await lambda.invoke("Fn", { hang: true }, SOURCE);
    expect(result).toMatchObject({ outcome: "error", errorType: "Runtime.NodeJsExit" });
    expect(await lambda.invoke("Fn", {}, SOURCE)).toEqual({ outcome: "ok", payload: 1 });
  });

  test("the function's timeout ends it, even in a busy loop", async () => {
    const { lambda, logged } = await start(
      "export const handler = async (event) => { while (event.spin); return 1; };",
      { timeoutSec: 0.2 },
    );
    expect(await lambda.invoke("Fn", { spin: true }, SOURCE)).toEqual({ outcome: "timeout" });
    await logged("Task timed out after 0.20 seconds");
    expect(await lambda.invoke("Fn", {}, SOURCE)).toEqual({ outcome: "ok", payload: 1 });
  });

  test("more memory than the function has kills it", async () => {
    const { lambda } = await start(
      "export const handler = async () => { const all = []; for (;;) all.push(new Array(1e5).fill({}).map(() => ({}))); };",
      { memoryMb: 32, timeoutSec: 20 },
    );
    const result = await lambda.invoke("Fn", {}, SOURCE);
    expect(result).toMatchObject({ outcome: "error", errorType: "Runtime.OutOfMemory" });
  });

  test.each([
    ["a missing export", "export const other = 1;", "Runtime.HandlerNotFound"],
    ["a syntax error", "export const handler = ;", "Runtime.UserCodeSyntaxError"],
    [
      "a missing import",
      'import "no-such-package"; export const handler = () => 1;',
      "Runtime.ImportModuleError",
    ],
    ["an error at load", 'throw new RangeError("at load");', "RangeError"],
    [
      "a callback handler",
      "export const handler = (event, context, callback) => callback();",
      "Runtime.CallbackHandlerDeprecated",
    ],
  ])("%s fails each invocation with a name", async (_name, code, errorType) => {
    const { lambda } = await start(code);
    expect(await lambda.invoke("Fn", {}, SOURCE)).toMatchObject({ outcome: "error", errorType });
    expect(await lambda.invoke("Fn", {}, SOURCE)).toMatchObject({ outcome: "error", errorType });
  });

  test("a result that is no JSON is an error", async () => {
    const { lambda } = await start("export const handler = async () => 1n;");
    const result = await lambda.invoke("Fn", {}, SOURCE);
    expect(result).toMatchObject({ outcome: "error", errorType: "Runtime.JSONStringifyError" });
  });
});

describe("instances", () => {
  const counting = `const id = Math.random();
    export const handler = async () => { await new Promise((r) => setTimeout(r, 500)); return id; };`;
  const ids = (results: readonly { outcome: string; payload?: unknown }[]) =>
    new Set(results.map((result) => result.payload));

  test("run one invocation at a time, more on demand, and queue behind the cap", async () => {
    const { lambda, events } = await start(counting, {}, { maxWorkersPerFunction: 2 });
    const results = await Promise.all(Array.from({ length: 6 }, () => lambda.invoke("Fn", {}, SOURCE)));
    expect(results.every((result) => result.outcome === "ok")).toBe(true);
    expect(ids(results).size).toBe(2);
    expect(lambdaEvents(events).filter((event) => event.coldStart)).toHaveLength(2);
  });

  const inTurn = async (
    calls: number,
    options: Partial<LambdaOptions>,
    overrides: Partial<FunctionModel> = {},
  ) => {
    const { lambda, events } = await start(counting, overrides, options);
    const results = [];
    for (let i = 0; i < calls; i++) results.push(await lambda.invoke("Fn", {}, SOURCE));
    const names = [...ids(results)];
    const colds = lambdaEvents(events).filter(({ coldStart }) => coldStart).length;
    return {
      turns: results.map((result) => names.indexOf(result.outcome === "ok" && result.payload)),
      colds,
    };
  };

  test("answer calls that follow each other in turn, so that none meets what the last one has left", async () => {
    expect(await inTurn(6, {})).toEqual({ turns: [0, 1, 0, 1, 0, 1], colds: 2 });
    await bench?.stop();
    expect(await inTurn(6, { instancesInTurn: 3 })).toEqual({ turns: [0, 1, 2, 0, 1, 2], colds: 3 });
  });

  test("are reused by calls that follow each other, where one is asked for or may exist", async () => {
    expect(await inTurn(4, { instancesInTurn: 1 })).toEqual({ turns: [0, 0, 0, 0], colds: 1 });
    await bench?.stop();
    expect(await inTurn(4, {}, { reservedConcurrency: 1 })).toEqual({ turns: [0, 0, 0, 0], colds: 1 });
  });

  test("of another model take over on restart; what runs is finished on the old one", async () => {
    const { lambda, logged } = await start(
      `export const handler = async () => { console.log("running"); await new Promise((r) => setTimeout(r, 100)); return "old"; };`,
    );
    const running = lambda.invoke("Fn", {}, SOURCE);
    await logged("running");
    const fresh = await makeFunction('export const handler = async () => "new";');
    await lambda.restart(["Fn"], { functions: [fresh] });
    expect(await lambda.invoke("Fn", {}, SOURCE)).toEqual({ outcome: "ok", payload: "new" });
    expect(await running).toEqual({ outcome: "ok", payload: "old" });
    await rm(fresh.codeDir, { recursive: true });
  });

  test("fail what they run when the cloud stops", async () => {
    const { lambda, logged } = await start(
      'export const handler = async () => { console.log("running"); await new Promise((r) => setTimeout(r, 60000)); };',
      { timeoutSec: 60 },
    );
    const running = lambda.invoke("Fn", {}, SOURCE);
    await logged("running");
    await lambda.stop();
    expect(await running).toMatchObject({ outcome: "error" });
    expect(await lambda.invoke("Fn", {}, SOURCE)).toMatchObject({
      outcome: "error",
      errorType: "ServiceException",
    });
  });

  test("may have a clock that is off", async () => {
    const { lambda } = await start(
      "export const handler = async () => [Date.now(), new Date().getTime(), new Date(5).getTime()];",
      {},
      { skewMs: () => -3_600_000 },
    );
    const before = Date.now();
    const result = await lambda.invoke("Fn", {}, SOURCE);
    if (result.outcome !== "ok" || !Array.isArray(result.payload)) throw new Error("not ok");
    for (const skewed of result.payload.slice(0, 2)) {
      expect(skewed).toBeGreaterThanOrEqual(before - 3_600_000);
      expect(skewed).toBeLessThan(before - 3_500_000);
    }
    expect(result.payload[2]).toBe(5);
  });
});

describe("bundles", () => {
  test("a .js file without package.json is CommonJS, as on Lambda", async () => {
    const fn = await makeFunction(
      "const path = require('node:path'); exports.api = { run: async () => path.basename(__filename) };",
      { handler: "main.api.run" },
      "main.js",
    );
    bench = await startLambda([fn]);
    expect(await bench.lambda.invoke("Fn", {}, SOURCE)).toEqual({ outcome: "ok", payload: "main.js" });
  });
});

describe("asynchronous invocation", () => {
  test("tries again as often as the function says, then says that the event is dropped", async () => {
    const { lambda, events, logged } = await start(
      'export const handler = async () => { throw new Error("always"); };',
      { asyncRetries: 2 },
      { timeScale: 10_000 },
    );
    lambda.invokeAsync("Fn", {}, SOURCE);
    await logged("dropped after 3 tries");
    expect(lambdaEvents(events).map((event) => event.trigger)).toEqual([
      SOURCE.principal,
      SOURCE.principal,
      SOURCE.principal,
    ]);
  });

  test("does not try again what worked, nor what is too old", async () => {
    const { lambda, events, logged } = await start(
      'export const handler = async (event) => { if (event.fail) throw new Error("x"); console.log("fine"); };',
      { asyncMaxAgeSec: 60 },
      { timeScale: 10_000 },
    );
    lambda.invokeAsync("Fn", { fail: true }, SOURCE);
    await logged("dropped after 1 try");
    lambda.invokeAsync("Fn", {}, SOURCE);
    await logged("fine");
    await lambda.stop();
    expect(lambdaEvents(events)).toHaveLength(2);
  });

  describe("that is given up", () => {
    const QUEUE = "arn:aws:sqs:us-east-1:000000000000:failed";
    const mayFail = { effect: "Allow", actions: ["sqs:SendMessage"], resources: [QUEUE] } as const;
    const failing = 'export const handler = async () => { throw new RangeError("always"); };';

    test("goes to the failure destination, with what was asked and how it ended", async () => {
      const statements = [mayFail];
      const { lambda, logged, queues } = await start(
        failing,
        { asyncRetries: 1, onFailure: QUEUE, statements },
        { timeScale: 10_000 },
      );
      lambda.invokeAsync("Fn", { task: "end" }, SOURCE);
      const { requestId } = await logged("dropped after 2 tries");
      await logged("it is in the queue failed");
      expect(queues.messages(QUEUE).map((text) => JSON.parse(text))).toEqual([
        {
          version: "1.0",
          timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
          requestContext: {
            requestId,
            functionArn: "arn:aws:lambda:us-east-1:000000000000:function:stack-Fn:$LATEST",
            condition: "RetriesExhausted",
            approximateInvokeCount: 2,
          },
          requestPayload: { task: "end" },
          responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
          responsePayload: { errorType: "RangeError", errorMessage: "always" },
        },
      ]);
    });

    test("is lost without the right to send it there, and the denial is told", async () => {
      const { lambda, denials, logged, queues } = await start(failing, { asyncRetries: 0, onFailure: QUEUE });
      lambda.invokeAsync("Fn", {}, SOURCE);
      await logged("dropped after 1 try");
      const aboutQueues = denials.filter(({ action }) => action.startsWith("sqs:"));
      expect(aboutQueues).toMatchObject([{ action: "sqs:SendMessage", resource: QUEUE }]);
      expect(queues.messages(QUEUE)).toEqual([]);
    });

    test("since it was throttled for too long has never run", async () => {
      const statements = [mayFail];
      const { lambda, events, logged, queues } = await start(
        'export const handler = async () => { console.log("running"); await new Promise((r) => setTimeout(r, 60000)); };',
        { asyncMaxAgeSec: 60, timeoutSec: 60, reservedConcurrency: 1, onFailure: QUEUE, statements },
        { timeScale: 10_000 },
      );
      const running = lambda.invoke("Fn", {}, SOURCE);
      await logged("running");
      lambda.invokeAsync("Fn", { task: "open" }, SOURCE);
      await logged("dropped after 0 tries, throttled by its reserved concurrency");
      expect(queues.messages(QUEUE).map((text) => JSON.parse(text))).toMatchObject([
        {
          requestContext: { condition: "EventAgeExceeded", approximateInvokeCount: 0 },
          requestPayload: { task: "open" },
        },
      ]);
      expect(lambdaEvents(events)).toEqual([]);
      await lambda.stop();
      await running;
    });

    test("at once where nothing is to run", async () => {
      const { lambda, logged } = await start(failing, { reservedConcurrency: 0 });
      lambda.invokeAsync("Fn", {}, SOURCE);
      await logged("dropped after 0 tries, throttled");
    });
  });
});

describe("reserved concurrency", () => {
  test("refuses what is over it, and lets in what comes after", async () => {
    const { lambda, logged } = await start(
      `export const handler = async (event) => { if (event.long) { console.log("running"); await new Promise((r) => setTimeout(r, 300)); } return 1; };`,
      { reservedConcurrency: 1 },
    );
    const running = lambda.invoke("Fn", { long: true }, SOURCE);
    await logged("running");
    expect(await lambda.invoke("Fn", {}, SOURCE)).toEqual({ outcome: "throttled" });
    expect(await running).toMatchObject({ outcome: "ok" });
    expect(await lambda.invoke("Fn", {}, SOURCE)).toMatchObject({ outcome: "ok" });
  });

  test("and where the account has nothing left, whatever a function reserves", async () => {
    let isBusy = true;
    const { lambda, events } = await start(
      "export const handler = async () => 1;",
      {},
      { throttles: () => isBusy },
    );
    expect(await lambda.invoke("Fn", {}, SOURCE)).toEqual({ outcome: "throttled" });
    expect(await lambda.invokeMapped("Fn", { Records: [] })).toEqual({ outcome: "throttled" });
    isBusy = false;
    expect(await lambda.invokeMapped("Fn", { Records: [] })).toEqual({ outcome: "ok", payload: 1 });
    expect(lambdaEvents(events)).toMatchObject([{ trigger: "sqs.amazonaws.com", messageIds: [] }]);
  });
});
