import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Chaos } from "../../../infra/local/chaos.ts";
import { createFaults } from "../../../infra/local/faults.ts";
import type { PolicyStatement, QueueModel } from "../../../infra/local/model.ts";
import { Mapping } from "../../../infra/local/sqs/mapping.ts";
import { Queues } from "../../../infra/local/sqs/queues.ts";
import { createSqs } from "../../../infra/local/sqs/sqs.ts";
import { makeFunction, startLambda } from "./lambda-fixture.ts";
import { ACCOUNT, fifoModel, principal, standardModel } from "./sqs-fixture.ts";

/** A queue, the function that it feeds on real instances, and the endpoint that the function calls. */

let stop: () => Promise<void> = async () => {};
afterEach(() => stop());

const signatureV4 = pathToFileURL(createRequire(import.meta.url).resolve("@smithy/signature-v4")).href;

/** What a function calls SQS with. */
const CALL = `
  import signature from ${JSON.stringify(signatureV4)};
  import { createHash, createHmac } from "node:crypto";
  class Sha256 {
    constructor(key) { this.hash = key ? createHmac("sha256", key) : createHash("sha256"); }
    update(data) { this.hash.update(data); }
    async digest() { return this.hash.digest(); }
  }
  const { AWS_ENDPOINT_URL_SQS: endpoint, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = process.env;
  const signer = new signature.SignatureV4({ service: "sqs", region: "us-east-1", sha256: Sha256, credentials: { accessKeyId, secretAccessKey, sessionToken } });
  async function call(operation, input) {
    const { host, hostname, port } = new URL(endpoint);
    const body = JSON.stringify({ QueueUrl: process.env.QUEUE_URL, ...input });
    const headers = { host, "x-amz-target": "AmazonSQS." + operation };
    const signed = await signer.sign({ method: "POST", protocol: "http:", hostname, port: Number(port), path: "/", query: {}, headers, body });
    return await (await fetch(endpoint, { method: "POST", headers: signed.headers, body })).json();
  }`;

async function start(
  code: string,
  {
    queue = {},
    chaos = new Chaos({ seed: 1 }),
    statements = principal().statements,
  }: {
    readonly queue?: Partial<QueueModel>;
    readonly chaos?: Chaos;
    readonly statements?: readonly PolicyStatement[];
  } = {},
) {
  const line = fifoModel("line.fifo", queue);
  const environment = { QUEUE_URL: line.url };
  let throttled = 0;
  let sqs: Awaited<ReturnType<typeof createSqs>> | undefined;
  const fn = await makeFunction(`${CALL}\n${code}`, { statements, environment });
  const bench = await startLambda([fn], {
    env: () => ({ AWS_ENDPOINT_URL_SQS: sqs?.endpoint ?? "" }),
    throttles: () => {
      const happens = chaos.happens("throttleInvokes");
      if (happens) throttled++;
      return happens;
    },
  });
  const { lambda, iam } = bench;
  const queues = new Queues({
    queues: [line, standardModel()],
    iam,
    onEvent: (event) => bench.events.push(event),
  });
  sqs = await createSqs({
    region: "us-east-1",
    account: ACCOUNT,
    queues,
    iam,
    onError: (error) => expect(error).toBeUndefined(),
    faults: createFaults(chaos, () => lambda),
  });
  const mapping = new Mapping({
    mapping: {
      logicalId: "Mapping",
      queueArn: line.arn,
      functionId: "Fn",
      batchSize: 10,
      reportsItemFailures: true,
      maxConcurrency: 1000,
      minPollers: 5,
    },
    fn: () => fn,
    queues,
    invoke: (functionId, event) => lambda.invokeMapped(functionId, event),
    onLog: (logged) => bench.logs.push(logged),
    chaos,
  });
  stop = async () => {
    mapping.stop();
    await bench.stop();
    await mapping.stopped();
    queues.stop();
    await sqs?.stop();
  };
  mapping.start();
  let count = 0;
  return {
    ...bench,
    queues,
    chaos,
    throttled: () => throttled,
    send: (groupId: string, body: string) =>
      queues.send(line.arn, { body, groupId, deduplicationId: String(count++) }, principal()),
  };
}

describe("a function that a queue feeds", () => {
  test("lets its group go on while it still runs, by deleting its messages itself", async () => {
    const { send, logged } = await start(`
      export const handler = async ({ Records }) => {
        const [{ body, receiptHandle }] = Records;
        console.log("begins " + body);
        if (body === "slow") {
          const { Failed, Successful } = await call("DeleteMessageBatch", { Entries: [{ Id: "0", ReceiptHandle: receiptHandle }] });
          console.log("released " + Successful.length + " " + Failed.length);
          for (;;) await new Promise((resolve) => setTimeout(resolve, 1000));
        }
      };`);
    send("a", "slow");
    await logged("released 1 0");
    send("a", "next");
    await logged("begins next");
  });

  test("gets what it reports as failed again when it says, and in order", async () => {
    const { send, logged, events } = await start(
      `export const handler = async ({ Records }) => {
        const again = Records.filter(({ attributes }) => attributes.ApproximateReceiveCount === "1");
        console.log("got " + Records.map(({ body, attributes }) => body + attributes.ApproximateReceiveCount).join());
        await Promise.all(again.map(({ receiptHandle }) => call("ChangeMessageVisibility", { ReceiptHandle: receiptHandle, VisibilityTimeout: 0 })));
        return { batchItemFailures: again.map(({ messageId }) => ({ itemIdentifier: messageId })) };
      };`,
    );
    send("a", "one");
    await logged("got one1");
    await logged("got one2");
    send("a", "two");
    await logged("got two2");
    const runs = events.filter((event) => event.kind === "lambda");
    expect(runs[0]).toMatchObject({ trigger: "sqs.amazonaws.com", messageIds: [expect.any(String)] });
  });

  test("that dies in a batch gets it again when the visibility timeout ends", async () => {
    const chaos = new Chaos({ seed: 1, settings: { crashAfterCall: 1 } });
    const { send, logged } = await start(
      `export const handler = async ({ Records }) => {
        const [{ body, attributes, receiptHandle }] = Records;
        console.log("got " + body + attributes.ApproximateReceiveCount);
        await call("ChangeMessageVisibility", { ReceiptHandle: receiptHandle, VisibilityTimeout: 1 });
        console.log("lives");
      };`,
      { chaos },
    );
    send("a", "one");
    await logged("got one1");
    await logged("got one2");
    chaos.off();
    await logged("lives");
  });

  test("that finds no concurrency left gets its batch later, as received once", async () => {
    const chaos = new Chaos({ seed: 1, settings: { throttleInvokes: 1 } });
    const { send, logged, throttled } = await start(
      `export const handler = async ({ Records }) => console.log("got " + Records.map(({ body, attributes }) => body + attributes.ApproximateReceiveCount));`,
      { chaos },
    );
    send("a", "one");
    await new Promise((resolve) => setImmediate(resolve));
    chaos.off();
    await logged("got one1");
    expect(throttled()).toBe(1);
  });

  test("may call what its role allows, and no more", async () => {
    const { send, logged, denials } = await start(
      `export const handler = async () => {
        const { __type } = await call("SendMessage", { MessageBody: "x" });
        console.log(__type);
      };`,
      {
        statements: principal("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes").statements,
      },
    );
    send("a", "one");
    const line = await logged("com.amazon.coral.service#AccessDeniedException");
    expect(denials).toContainEqual(
      expect.objectContaining({ action: "sqs:SendMessage", requestId: line.requestId, functionId: "Fn" }),
    );
  });
});
