import { describe, expect, test } from "@jest/globals";
import type { HttpAnswer } from "../../../lambdas/aws/http.ts";
import type { ServiceRequest } from "../../../lambdas/aws/service.ts";
import { ServiceError } from "../../../lambdas/aws/service-error.ts";
import { createLine } from "../../../lambdas/gateway/line.ts";
import { VirtualClock } from "../../support/fake-ports.ts";

type Answer = Partial<HttpAnswer> | Error;

function service(answers: readonly Answer[]) {
  const left = [...answers];
  const requests: (Pick<ServiceRequest, "path" | "headers"> & { readonly body: unknown })[] = [];
  return {
    requests,
    async post({ path, headers, body }: ServiceRequest): Promise<HttpAnswer> {
      requests.push({ path, headers, body: JSON.parse(Buffer.from(body).toString()) });
      const answer = left.shift() ?? {};
      if (answer instanceof Error) throw answer;
      return { status: 200, headers: {}, text: "{}", ...answer };
    },
  };
}

function bench({ sqs = [], lambda = [] }: { sqs?: readonly Answer[]; lambda?: readonly Answer[] } = {}) {
  const [queues, functions] = [service(sqs), service(lambda)];
  const line = createLine({
    ...{ queues, functions, clock: new VirtualClock(), random: () => 1 },
    queueUrl: "https://sqs.eu-west-1.amazonaws.com/1/line.fifo",
    deadLettersUrl: "https://sqs.eu-west-1.amazonaws.com/1/dead.fifo",
    functionName: "socket",
  });
  return { line, queues, functions };
}

const refusal = (status: number, type: string): ServiceError =>
  new ServiceError({ status, headers: {}, text: JSON.stringify({ __type: type, message: "no" }) });
const receipts = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ messageId: `m${n}`, receipt: `r${n}` }));

describe("the queue", () => {
  test("is told ten messages at a time that they are done", async () => {
    const { line, queues } = bench();
    await line.remove(receipts(12));
    expect(queues.requests.map(({ headers }) => headers["x-amz-target"])).toEqual(
      Array(2).fill("AmazonSQS.DeleteMessageBatch"),
    );
    expect(queues.requests[1]).toEqual({
      path: "/",
      headers: {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AmazonSQS.DeleteMessageBatch",
      },
      body: {
        QueueUrl: "https://sqs.eu-west-1.amazonaws.com/1/line.fifo",
        Entries: [
          { Id: "0", ReceiptHandle: "r10" },
          { Id: "1", ReceiptHandle: "r11" },
        ],
      },
    });
  });

  test("hides messages for whole seconds, and shows them at once for none", async () => {
    const { line, queues } = bench();
    await line.hide(receipts(1), 1_001);
    await line.hide(receipts(1), 0);
    expect(queues.requests.map(({ body }) => body)).toMatchObject([
      { Entries: [{ Id: "0", ReceiptHandle: "r0", VisibilityTimeout: 2 }] },
      { Entries: [{ Id: "0", ReceiptHandle: "r0", VisibilityTimeout: 0 }] },
    ]);
  });

  test("gets a message in the connection's group; what is given up goes to the dead letters", async () => {
    const { line, queues } = bench();
    const message = { connectionId: "C=", id: "id", body: "e C= id 1 {}" };
    await line.send(message);
    await line.bury(message);
    const sent = { MessageBody: "e C= id 1 {}", MessageGroupId: "C=", MessageDeduplicationId: "id" };
    expect(queues.requests.map(({ body }) => body)).toEqual([
      { QueueUrl: "https://sqs.eu-west-1.amazonaws.com/1/line.fifo", ...sent },
      { QueueUrl: "https://sqs.eu-west-1.amazonaws.com/1/dead.fifo", ...sent },
    ]);
  });

  test("is asked again while it is busy, and not when it refuses", async () => {
    const busy = bench({ sqs: [refusal(503, "ServiceUnavailable"), refusal(429, "RequestThrottled")] });
    await busy.line.remove(receipts(1));
    expect(busy.queues.requests).toHaveLength(3);
    const denied = bench({ sqs: [refusal(403, "AccessDeniedException")] });
    await expect(denied.line.remove(receipts(1))).rejects.toMatchObject({ code: "GATEWAY_QUEUE_REFUSED" });
    expect(denied.queues.requests).toHaveLength(1);
  });

  test("that refuses one of a batch has refused", async () => {
    const Failed = [{ Id: "0", Code: "ReceiptHandleIsInvalid", Message: "expired", SenderFault: true }];
    const { line } = bench({ sqs: [{ text: JSON.stringify({ Failed }) }] });
    await expect(line.remove(receipts(1))).rejects.toThrow(/ReceiptHandleIsInvalid: expired/);
  });
});

describe("another instance", () => {
  const answer = (...failed: string[]): Answer => ({
    text: JSON.stringify({ batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }),
  });

  test("gets the records as they were delivered, and is waited for", async () => {
    const { line, functions } = bench({ lambda: [answer("m1")] });
    expect(await line.handOver([{ messageId: "m1" }])).toEqual(["m1"]);
    expect(functions.requests).toEqual([
      {
        path: "/2015-03-31/functions/socket/invocations",
        headers: { "content-type": "application/json", "x-amz-invocation-type": "RequestResponse" },
        body: { task: "line", Records: [{ messageId: "m1" }] },
      },
    ]);
  });

  test("is not to be had for a second: then it is busy", async () => {
    const { line, functions } = bench({ lambda: Array(50).fill(refusal(429, "TooManyRequestsException")) });
    expect(await line.handOver([])).toBe("busy");
    expect(functions.requests.length).toBeGreaterThan(2);
  });

  test("that fails, or answers something else, has not worked through them", async () => {
    const failed = bench({ lambda: [{ headers: { "x-amz-function-error": "Unhandled" }, text: "{}" }] });
    await expect(failed.line.handOver([])).rejects.toMatchObject({ code: "GATEWAY_TASK_REFUSED" });
    await expect(bench({ lambda: [{ text: "null" }] }).line.handOver([])).rejects.toThrow(/answered null/);
  });
});
