import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { mockClient } from "aws-sdk-client-mock";
import { createTasks } from "../../../lambdas/gateway/tasks.ts";
import type { EndTarget, Task } from "../../../lambdas/server/ports.ts";

const lambda = mockClient(LambdaClient);
const tasks = createTasks({ client: new LambdaClient({ region: "us-east-1" }), functionName: "socket-fn" });

beforeEach(() => {
  lambda.reset();
});

const sent = () =>
  lambda
    .commandCalls(InvokeCommand)
    .map(({ args: [{ input }] }): unknown =>
      JSON.parse(new TextDecoder().decode(input.Payload instanceof Uint8Array ? input.Payload : undefined)),
    );

function endOf(targets: readonly EndTarget[]): Task {
  return { task: "end", targets, reason: "transport close", hops: 2 };
}

describe("starting a task", () => {
  test("queues an asynchronous invocation of the function itself", async () => {
    lambda.on(InvokeCommand).resolves({ StatusCode: 202 });
    const task: Task = { task: "open", connectionId: "TXzPWdnOjoECGjA=", sid: "s1" };
    await tasks.start(task);
    const [call] = lambda.commandCalls(InvokeCommand);
    expect(call?.args[0].input).toMatchObject({ FunctionName: "socket-fn", InvocationType: "Event" });
    expect(sent()).toEqual([task]);
  });

  test("fails with Lambda's words when Lambda refuses it", async () => {
    const refusal = Object.assign(
      new Error("not authorized to perform: lambda:InvokeFunction on resource: arn"),
      {
        name: "AccessDeniedException",
      },
    );
    lambda.on(InvokeCommand).rejects(refusal);
    await expect(tasks.start(endOf([]))).rejects.toMatchObject({
      name: "GatewayError",
      code: "GATEWAY_TASK_REFUSED",
      message: expect.stringMatching(/"end".*socket-fn.*lambda:InvokeFunction/s),
      cause: refusal,
    });
  });

  test("takes nothing but 202 for accepted", async () => {
    lambda.on(InvokeCommand).resolves({ StatusCode: 200 });
    await expect(tasks.start(endOf([]))).rejects.toMatchObject({
      code: "GATEWAY_TASK_REFUSED",
      message: expect.stringContaining("200 instead of 202"),
    });
  });

  test("a mass disconnect over Lambda's limit goes in parts that together name every connection", async () => {
    lambda.on(InvokeCommand).resolves({ StatusCode: 202 });
    const targets = Array.from({ length: 25_000 }, (_, n) => ({
      connectionId: `connection-${n}=`,
      members: [{ nsp: "/", room: n % 2 === 0 ? null : "lobby", id: `socket-${n}-äöü` }],
    }));
    await tasks.start(endOf(targets));
    const parts = sent();
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) {
      expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(1024 * 1024);
      expect(part).toMatchObject({ task: "end", reason: "transport close", hops: 2 });
    }
    expect(parts.flatMap((part) => (isEnd(part) ? part.targets : []))).toEqual(targets);
  });

  test("one part that fails does not keep the others from being sent", async () => {
    lambda.on(InvokeCommand).rejectsOnce(new Error("throttled")).resolves({ StatusCode: 202 });
    const targets = Array.from({ length: 4 }, (_, n) => ({
      connectionId: `c${n}`,
      members: [{ nsp: "/", room: "r".repeat(400_000), id: "s" }],
    }));
    await expect(tasks.start(endOf(targets))).rejects.toMatchObject({ code: "GATEWAY_TASK_REFUSED" });
    expect(lambda.commandCalls(InvokeCommand)).toHaveLength(2);
  });

  test("a task that no splitting makes small enough is a clear error, and nothing is sent", async () => {
    const members = [{ nsp: "/", room: "r".repeat(1_100_000), id: "s" }];
    await expect(tasks.start(endOf([{ connectionId: "c1", members }]))).rejects.toMatchObject({
      code: "GATEWAY_TASK_TOO_LARGE",
      message: expect.stringContaining("1048576"),
    });
    expect(lambda.calls()).toHaveLength(0);
  });
});

function isEnd(part: unknown): part is { readonly targets: readonly EndTarget[] } {
  return typeof part === "object" && part !== null && "targets" in part && Array.isArray(part.targets);
}
