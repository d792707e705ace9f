import { createHash, createHmac } from "node:crypto";
import { afterEach, describe, expect, test } from "@jest/globals";
import { SignatureV4 } from "@smithy/signature-v4";
import type { PolicyStatement } from "../../../infra/local/model.ts";
import type { QueuesOptions } from "../../../infra/local/sqs/queues.ts";
import { createSqs, type LocalSqs } from "../../../infra/local/sqs/sqs.ts";
import { ACCOUNT, fifoModel, principal, standardModel, startQueues } from "./sqs-fixture.ts";

let sqs: LocalSqs | undefined;
afterEach(async () => {
  await sqs?.stop();
  sqs = undefined;
});

class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = typeof secret === "string" ? secret : secret && Buffer.from(secret as ArrayBuffer);
    this.#hash = key === undefined ? createHash("sha256") : createHmac("sha256", key);
  }
  update(data: Uint8Array): void {
    this.#hash.update(data);
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {}
}

const URL_OF_LINE = `https://sqs.us-east-1.amazonaws.com/${ACCOUNT}/line.fifo`;

async function start(
  statements: readonly PolicyStatement[] = principal().statements,
  options: Partial<QueuesOptions> = {},
) {
  const bench = startQueues([fifoModel(), standardModel("plain")], options);
  const { service: queues, iam } = bench;
  const errors: unknown[] = [];
  const started = await createSqs({
    region: "us-east-1",
    account: ACCOUNT,
    queues,
    iam,
    onError: (error) => errors.push(error),
  });
  sqs = started;
  const credentials = iam.credentialsFor({ logicalId: "Caller", name: "stack-Caller", statements });
  credentials.runs("request-1");
  const signer = new SignatureV4({ service: "sqs", region: "us-east-1", credentials, sha256: Sha256 });
  const { host, hostname, port } = new URL(started.endpoint);
  /** What SQS answers, as the JSON protocol has it. */
  const call = async (operation: string, input: object) => {
    const body = JSON.stringify(input);
    const signed = await signer.sign({
      method: "POST",
      protocol: "http:",
      hostname,
      port: Number(port),
      path: "/",
      query: {},
      headers: {
        host,
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": `AmazonSQS.${operation}`,
      },
      body,
    });
    const response = await fetch(started.endpoint, { method: "POST", headers: signed.headers, body });
    const output = (await response.json()) as Record<string, unknown>;
    return { status: response.status, code: response.headers.get("x-amzn-query-error"), output };
  };
  /** Of the messages that a receive gives. */
  const receive = async (input: object = {}) => {
    const { output } = await call("ReceiveMessage", {
      QueueUrl: URL_OF_LINE,
      MaxNumberOfMessages: 10,
      ...input,
    });
    return (output.Messages ?? []) as {
      MessageId: string;
      ReceiptHandle: string;
      Body: string;
      Attributes?: object;
    }[];
  };
  const send = (body: string, id = body) =>
    call("SendMessage", {
      QueueUrl: URL_OF_LINE,
      MessageBody: body,
      MessageGroupId: "a",
      MessageDeduplicationId: id,
    });
  return { ...bench, call, receive, send, endpoint: started.endpoint, errors };
}

describe("the operations of SQS", () => {
  test("send, receive and delete, and are metered in the name of who called", async () => {
    const { send, receive, call, events } = await start();
    expect(await send("one")).toEqual({
      status: 200,
      code: null,
      output: {
        MessageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        MD5OfMessageBody: "f97c5d29941bfb1b2fdab0874906ab82",
        SequenceNumber: expect.stringMatching(/^\d{20}$/),
      },
    });
    const [message] = await receive({ MessageSystemAttributeNames: ["MessageGroupId"] });
    expect(message).toMatchObject({ Body: "one", Attributes: { MessageGroupId: "a" } });
    const gone = { QueueUrl: URL_OF_LINE, ReceiptHandle: message?.ReceiptHandle };
    expect(await call("DeleteMessage", gone)).toEqual({ status: 200, code: null, output: {} });
    expect(await receive()).toEqual([]);
    expect(events.map(({ operation }) => operation)).toEqual([
      "SendMessage",
      "ReceiveMessage",
      "DeleteMessage",
      "EmptyReceive",
    ]);
    expect(events[0]).toMatchObject({
      functionId: "Caller",
      requestId: "request-1",
      queue: "line.fifo",
      requests: 1,
      bytes: 3,
      messageIds: [message?.MessageId],
    });
  });

  test("in batches tell of each entry what came of it", async () => {
    const { call, receive } = await start();
    const entry = (Id: string, MessageGroupId: string) => ({
      Id,
      MessageBody: Id,
      MessageGroupId,
      MessageDeduplicationId: Id,
    });
    const sent = await call("SendMessageBatch", {
      QueueUrl: URL_OF_LINE,
      Entries: [entry("one", "a"), entry("two", "a b"), entry("three", "b")],
    });
    expect(sent.output).toMatchObject({
      Successful: [{ Id: "one" }, { Id: "three" }],
      Failed: [{ Id: "two", SenderFault: true, Code: "InvalidParameterValue" }],
    });
    const [one, three] = await receive();
    const changed = await call("ChangeMessageVisibilityBatch", {
      QueueUrl: URL_OF_LINE,
      Entries: [{ Id: "0", ReceiptHandle: one?.ReceiptHandle, VisibilityTimeout: 0 }],
    });
    expect(changed.output).toEqual({ Successful: [{ Id: "0" }], Failed: [] });
    const deleted = await call("DeleteMessageBatch", {
      QueueUrl: URL_OF_LINE,
      Entries: [
        { Id: "0", ReceiptHandle: one?.ReceiptHandle },
        { Id: "1", ReceiptHandle: three?.ReceiptHandle },
      ],
    });
    expect(deleted.output).toMatchObject({
      Successful: [{ Id: "1" }],
      Failed: [
        {
          Id: "0",
          Code: "ReceiptHandleIsInvalid",
          Message: "The receipt handle has expired",
          SenderFault: true,
        },
      ],
    });
  });

  test("wait for a message, the first to come first", async () => {
    const { receive, send } = await start();
    const first = receive({ WaitTimeSeconds: 20 });
    await send("one");
    expect((await first).map(({ Body }) => Body)).toEqual(["one"]);
  });

  test("wait for one that becomes visible, or is freed by a deletion", async () => {
    const { receive, send, call } = await start();
    await send("one");
    await send("two");
    const [one] = await receive({ MaxNumberOfMessages: 1, VisibilityTimeout: 1 });
    expect((await receive({ WaitTimeSeconds: 20 })).map(({ Body }) => Body)).toEqual(["one", "two"]);
    expect(one?.Body).toBe("one");
    await send("three");
    const waiting = receive({ WaitTimeSeconds: 1 });
    expect(await waiting).toEqual([]);
    const attributes = await call("GetQueueAttributes", { QueueUrl: URL_OF_LINE, AttributeNames: ["All"] });
    expect(attributes.output.Attributes).toMatchObject({
      FifoQueue: "true",
      ApproximateNumberOfMessages: "1",
      ApproximateNumberOfMessagesNotVisible: "2",
      VisibilityTimeout: "30",
    });
  });

  test("wait less long where time passes faster", async () => {
    const { receive, events } = await start(principal().statements, { timeScale: 1000 });
    expect(await receive({ WaitTimeSeconds: 20 })).toEqual([]);
    expect(events.map(({ operation }) => operation)).toEqual(["EmptyReceive"]);
  });

  test("give the URL of a queue here, to which the SDK may send", async () => {
    const { call, endpoint } = await start();
    const { output } = await call("GetQueueUrl", { QueueName: "line.fifo" });
    expect(output).toEqual({ QueueUrl: `${endpoint}/${ACCOUNT}/line.fifo` });
    const sent = await call("SendMessage", { QueueUrl: `${endpoint}/${ACCOUNT}/plain`, MessageBody: "x" });
    expect(sent.status).toBe(200);
  });
});

describe("what SQS refuses", () => {
  test.each<[string, string, object, string, string, RegExp]>([
    [
      "another queue",
      "DeleteMessage",
      { QueueUrl: "https://x/0/other", ReceiptHandle: "x" },
      "AWS.SimpleQueueService.NonExistentQueue;Sender",
      "com.amazonaws.sqs#QueueDoesNotExist",
      /The specified queue does not exist/,
    ],
    [
      "no queue",
      "DeleteMessage",
      {},
      "MissingParameter;Sender",
      "com.amazon.coral.service#MissingRequiredParameterException",
      /QueueUrl/,
    ],
    [
      "no receipt",
      "DeleteMessage",
      { QueueUrl: URL_OF_LINE },
      "MissingParameter;Sender",
      "com.amazon.coral.service#MissingRequiredParameterException",
      /ReceiptHandle/,
    ],
    [
      "no handle of it",
      "DeleteMessage",
      { QueueUrl: URL_OF_LINE, ReceiptHandle: "x" },
      "ReceiptHandleIsInvalid;Sender",
      "com.amazonaws.sqs#ReceiptHandleIsInvalid",
      /The input receipt handle "x" is not a valid receipt handle/,
    ],
    [
      "eleven messages",
      "ReceiveMessage",
      { QueueUrl: URL_OF_LINE, MaxNumberOfMessages: 11 },
      "InvalidParameterValue;Sender",
      "com.amazon.coral.service#InvalidParameterValueException",
      /Must be between 1 and 10, if provided/,
    ],
    [
      "a long wait",
      "ReceiveMessage",
      { QueueUrl: URL_OF_LINE, WaitTimeSeconds: 21 },
      "InvalidParameterValue;Sender",
      "com.amazon.coral.service#InvalidParameterValueException",
      /Must be >= 0 and <= 20, if provided/,
    ],
    [
      "no visibility",
      "ChangeMessageVisibility",
      { QueueUrl: URL_OF_LINE, ReceiptHandle: "x" },
      "MissingParameter;Sender",
      "com.amazon.coral.service#MissingRequiredParameterException",
      /VisibilityTimeout/,
    ],
    [
      "an empty batch",
      "DeleteMessageBatch",
      { QueueUrl: URL_OF_LINE, Entries: [] },
      "AWS.SimpleQueueService.EmptyBatchRequest;Sender",
      "com.amazonaws.sqs#EmptyBatchRequest",
      /at least one entry/,
    ],
    [
      "eleven entries",
      "DeleteMessageBatch",
      { QueueUrl: URL_OF_LINE, Entries: Array.from({ length: 11 }, (_, id) => ({ Id: String(id) })) },
      "AWS.SimpleQueueService.TooManyEntriesInBatchRequest;Sender",
      "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
      /Maximum number of entries per request are 10. You have sent 11/,
    ],
    [
      "an id twice",
      "DeleteMessageBatch",
      { QueueUrl: URL_OF_LINE, Entries: [{ Id: "1" }, { Id: "1" }] },
      "AWS.SimpleQueueService.BatchEntryIdsNotDistinct;Sender",
      "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
      /Id 1 repeated/,
    ],
    [
      "a strange id",
      "DeleteMessageBatch",
      { QueueUrl: URL_OF_LINE, Entries: [{ Id: "a b" }] },
      "AWS.SimpleQueueService.InvalidBatchEntryId;Sender",
      "com.amazonaws.sqs#InvalidBatchEntryId",
      /alphanumeric characters, hyphens and underscores/,
    ],
    [
      "a parameter that does nothing here",
      "SendMessage",
      { QueueUrl: URL_OF_LINE, MessageBody: "x", DelaySeconds: 5 },
      "AWS.SimpleQueueService.UnsupportedOperation;Sender",
      "com.amazonaws.sqs#UnsupportedOperation",
      /does not run SendMessage with DelaySeconds/,
    ],
    [
      "an operation that does not run here",
      "PurgeQueue",
      { QueueUrl: URL_OF_LINE },
      "InvalidAction;Sender",
      "com.amazon.coral.service#UnknownOperationException",
      /does not run PurgeQueue/,
    ],
  ])("%s", async (_, operation, input, code, type, message) => {
    const { call, errors } = await start();
    const answer = await call(operation, input);
    expect(answer).toMatchObject({ status: 400, code, output: { __type: type } });
    expect(answer.output.message).toMatch(message);
    expect(errors).toEqual([]);
  });

  test("a batch that is too large together", async () => {
    const { call } = await start();
    const entry = (Id: string) => ({
      Id,
      MessageBody: "x".repeat(600_000),
      MessageGroupId: "a",
      MessageDeduplicationId: Id,
    });
    const answer = await call("SendMessageBatch", {
      QueueUrl: URL_OF_LINE,
      Entries: [entry("1"), entry("2")],
    });
    expect(answer.code).toBe("AWS.SimpleQueueService.BatchRequestTooLong;Sender");
    expect(answer.output.message).toBe(
      "Batch requests cannot be longer than 1048576 bytes. You have sent 1200000 bytes.",
    );
  });

  test("callers without the right, whose batches need no other", async () => {
    const { call, denials } = await start(principal("sqs:DeleteMessage").statements);
    const Entries = [{ Id: "1", MessageBody: "x", MessageGroupId: "a", MessageDeduplicationId: "1" }];
    const answer = await call("SendMessageBatch", { QueueUrl: URL_OF_LINE, Entries });
    expect(answer).toMatchObject({
      status: 400,
      code: "AccessDenied;Sender",
      output: { __type: "com.amazon.coral.service#AccessDeniedException" },
    });
    expect(answer.output.Message).toMatch(
      /not authorized to perform: sqs:SendMessage on resource: arn:aws:sqs:us-east-1:000000000000:line.fifo/,
    );
    expect(denials).toMatchObject([
      { functionId: "Caller", requestId: "request-1", action: "sqs:SendMessage" },
    ]);
  });

  test("requests that nobody signed, or in another protocol", async () => {
    const { endpoint } = await start();
    const headers = { "x-amz-target": "AmazonSQS.SendMessage" };
    const unsigned = await fetch(endpoint, { method: "POST", headers, body: "{}" });
    expect(unsigned.status).toBe(400);
    expect(await unsigned.json()).toMatchObject({
      __type: "com.amazon.coral.service#MissingAuthenticationTokenException",
    });
    const query = await fetch(endpoint, { method: "POST", body: "Action=SendMessage" });
    expect(await query.json()).toMatchObject({ message: expect.stringMatching(/SQS's JSON protocol/) });
  });
});

describe("a service of this process", () => {
  test("sends with the rights of a role, in order, metered by 64 KB", async () => {
    const { service, events } = startQueues([fifoModel()]);
    const { arn } = fifoModel();
    const send = (body: string, deduplicationId: string) =>
      service.send(arn, { body, groupId: "a", deduplicationId }, principal("sqs:SendMessage"));
    expect(send("x".repeat(64 * 1024 + 1), "1")).toMatchObject({
      sent: { sequenceNumber: expect.any(String) },
    });
    expect(send("y", "2")).toMatchObject({ sent: { md5OfBody: "415290769594460e2e485922904f345d" } });
    expect(service.messages(arn).map((body) => body.slice(0, 1))).toEqual(["x", "y"]);
    expect(events.map(({ requests, fifo }) => [requests, fifo])).toEqual([
      [2, true],
      [1, true],
    ]);
  });

  test("is told why a message was not taken", () => {
    const { service, denials } = startQueues([fifoModel()]);
    const { arn } = fifoModel();
    const message = { body: "\uFFFF", groupId: "a", deduplicationId: "1" };
    expect(service.send(arn, message, principal("sqs:ReceiveMessage"))).toMatchObject({
      error: { status: 403, code: "AccessDenied", message: expect.stringMatching(/sqs:SendMessage/) },
    });
    expect(denials).toHaveLength(1);
    expect(service.send(arn, message, principal())).toMatchObject({
      error: { status: 400, code: "InvalidMessageContents" },
    });
    expect(service.send(`${arn}x`, message, principal())).toMatchObject({
      error: { status: 400, code: "AWS.SimpleQueueService.NonExistentQueue" },
    });
  });
});
