import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { PolicyStatement } from "../../../infra/local/model.ts";
import { type LambdaBench, makeFunction, SOURCE, startLambda } from "./lambda-fixture.ts";

let bench: LambdaBench | undefined;
let client: LambdaClient | undefined;
afterEach(async () => {
  client?.destroy();
  await bench?.stop();
  bench = undefined;
});

const ARN = "arn:aws:lambda:us-east-1:000000000000:function:stack-Fn";
const MAY: PolicyStatement[] = [{ effect: "Allow", actions: ["lambda:InvokeFunction"], resources: [ARN] }];
const ECHO = `export const handler = async (event) => {
  if (event.fail) throw new RangeError("no");
  console.log("ran " + event.n);
  return { got: event };
};`;

async function start(code = ECHO, statements = MAY, timeoutSec = 5): Promise<LambdaClient> {
  bench = await startLambda([await makeFunction(code, { timeoutSec })]);
  const credentials = bench.iam.credentialsFor({ logicalId: "Caller", name: "stack-Caller", statements });
  client = new LambdaClient({
    endpoint: bench.lambda.endpoint,
    region: "us-east-1",
    credentials,
    maxAttempts: 1,
  });
  return client;
}

const invoke = (FunctionName: string, event: unknown, type?: "Event" | "RequestResponse" | "DryRun") =>
  new InvokeCommand({ FunctionName, Payload: JSON.stringify(event), ...(type && { InvocationType: type }) });

describe("Invoke by the real client", () => {
  test.each(["stack-Fn", ARN, `${ARN}:$LATEST`])("of %s gives the payload", async (name) => {
    const lambda = await start();
    const answer = await lambda.send(invoke(name, { n: 1 }));
    expect(answer).toMatchObject({ StatusCode: 200, ExecutedVersion: "$LATEST" });
    expect(answer.FunctionError).toBeUndefined();
    expect(JSON.parse(answer.Payload?.transformToString() ?? "")).toEqual({ got: { n: 1 } });
  });

  test("of type Event is accepted at once and run later", async () => {
    const lambda = await start();
    const answer = await lambda.send(invoke("stack-Fn", { n: 2 }, "Event"));
    expect(answer.StatusCode).toBe(202);
    expect((await bench?.logged("ran 2"))?.functionId).toBe("Fn");
  });

  test("of a function that fails or times out says so in FunctionError and payload", async () => {
    const lambda = await start(
      "export const handler = async (e) => { if (e.fail) throw new RangeError('no'); for (;;); };",
      MAY,
      0.1,
    );
    const failed = await lambda.send(invoke("stack-Fn", { fail: true }));
    expect(failed.FunctionError).toBe("Unhandled");
    expect(JSON.parse(failed.Payload?.transformToString() ?? "")).toEqual({
      errorType: "RangeError",
      errorMessage: "no",
      trace: expect.any(Array),
    });
    const late = await lambda.send(invoke("stack-Fn", {}));
    expect(JSON.parse(late.Payload?.transformToString() ?? "")).toEqual({
      errorType: "Sandbox.Timedout",
      errorMessage: expect.stringMatching(/^RequestId: .* Error: Task timed out after 0.10 seconds$/),
    });
  });

  test("without the grant is refused with action and resource", async () => {
    const lambda = await start(ECHO, []);
    await expect(lambda.send(invoke("stack-Fn", {}, "Event"))).rejects.toMatchObject({
      name: "AccessDeniedException",
      $metadata: { httpStatusCode: 403 },
      message: `User: arn:aws:sts::000000000000:assumed-role/stack-Caller is not authorized to perform: lambda:InvokeFunction on resource: ${ARN} because no identity-based policy allows the lambda:InvokeFunction action`,
    });
    expect(bench?.denials).toHaveLength(1);
  });

  test("of an unknown function, a payload that is no JSON, and one that is too big are Lambda's own errors", async () => {
    const any: PolicyStatement[] = [{ effect: "Allow", actions: ["lambda:*"], resources: ["*"] }];
    const lambda = await start(ECHO, any);
    await expect(lambda.send(invoke("nobody", {}))).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
    const noJson = new InvokeCommand({ FunctionName: "stack-Fn", Payload: "{" });
    await expect(lambda.send(noJson)).rejects.toMatchObject({ name: "InvalidRequestContentException" });
    const big = { text: "x".repeat(1024 * 1024) };
    await expect(lambda.send(invoke("stack-Fn", big, "Event"))).rejects.toMatchObject({
      name: "RequestTooLargeException",
    });
    expect((await lambda.send(invoke("stack-Fn", {}, "DryRun"))).StatusCode).toBe(204);
  });
});

describe("a worker's own credentials", () => {
  test("sign a call that names the invocation it was made in", async () => {
    const entry = new URL("../../../node_modules/@aws-sdk/client-lambda/dist-cjs/index.js", import.meta.url);
    const code = `import sdk from ${JSON.stringify(entry.href)};
      const client = new sdk.LambdaClient({ maxAttempts: 1 });
      export const handler = async (event, context) => {
        if (event.inner) return "inner";
        const command = new sdk.InvokeCommand({ FunctionName: context.functionName, Payload: '{"inner":true}' });
        try { await client.send(command); } catch (error) { return [error.name, context.awsRequestId]; }
      };`;
    bench = await startLambda([await makeFunction(code)], {
      env: () => ({ AWS_ENDPOINT_URL_LAMBDA: bench?.lambda.endpoint ?? "" }),
    });
    const result = await bench.lambda.invoke("Fn", {}, SOURCE);
    const [denial] = bench.denials.filter(({ action }) => action === "lambda:InvokeFunction");
    expect(denial).toMatchObject({ functionId: "Fn", resource: ARN });
    expect(result).toEqual({ outcome: "ok", payload: ["AccessDeniedException", denial?.requestId] });
  });

  test("without the grants for its log the denial is told, and the function runs", async () => {
    bench = await startLambda([await makeFunction("export const handler = async () => 1;")]);
    expect(await bench.lambda.invoke("Fn", {}, SOURCE)).toEqual({ outcome: "ok", payload: 1 });
    expect(bench.denials.map(({ action }) => action)).toEqual(["logs:CreateLogStream", "logs:PutLogEvents"]);
    expect(bench.denials[0]?.resource).toMatch(
      /^arn:aws:logs:.*:log-group:\/aws\/lambda\/stack-Fn:log-stream:/,
    );
  });

  test("invoke functions that wait for themselves: beyond the instances of this machine, or throttled, never for ever", async () => {
    const entry = new URL("../../../node_modules/@aws-sdk/client-lambda/dist-cjs/index.js", import.meta.url);
    const code = `import sdk from ${JSON.stringify(entry.href)};
      const client = new sdk.LambdaClient({ maxAttempts: 1 });
      const invoke = async (FunctionName) => {
        try { return String((await client.send(new sdk.InvokeCommand({ FunctionName, Payload: '{"inner":true}' }))).StatusCode); }
        catch (error) { return error.name; }
      };
      export const handler = async (event, context) =>
        event.inner ? "inner" : await Promise.all([1, 2].map(() => invoke(context.functionName)));`;
    bench = await startLambda([await makeFunction(code, { statements: MAY, timeoutSec: 60 })], {
      env: () => ({ AWS_ENDPOINT_URL_LAMBDA: bench?.lambda.endpoint ?? "" }),
      maxWorkersPerFunction: 2,
    });
    const { lambda } = bench;
    const results = await Promise.all([1, 2, 3, 4].map(() => lambda.invoke("Fn", {}, SOURCE)));
    for (const result of results) {
      expect(result.outcome === "ok" && result.payload).toEqual([
        expect.stringMatching(/^(?:200|TooManyRequestsException)$/),
        expect.stringMatching(/^(?:200|TooManyRequestsException)$/),
      ]);
    }
    expect(JSON.stringify(results)).toContain('"200"');
  });
});
