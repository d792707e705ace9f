import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { App, Duration, Stack } from "aws-cdk-lib";
import { Code, EventSourceMapping, Function as LambdaFn, Runtime } from "aws-cdk-lib/aws-lambda";
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import { loadModel } from "../../../infra/local/template/load.ts";

type Json = Record<string, unknown>;

let dir: string;
const validation = process.env.CDK_VALIDATION;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "assembly-"));
});
afterEach(() => {
  if (validation === undefined) delete process.env.CDK_VALIDATION;
  else process.env.CDK_VALIDATION = validation;
  rmSync(dir, { recursive: true, force: true });
});

const queue = (Properties: Json = {}): Json => ({ Type: "AWS::SQS::Queue", Properties });
const fifo = (Properties: Json = {}): Json => queue({ FifoQueue: true, ...Properties });
const arnOf = (id: string): Json => ({ "Fn::GetAtt": [id, "Arn"] });

/** A function that the queue `Q` feeds. */
function mapped(mapping: Json = {}, functionTimeout = 3, source: Json = fifo()): Json {
  return {
    Role: { Type: "AWS::IAM::Role", Properties: { AssumeRolePolicyDocument: {} } },
    Fn: {
      Type: "AWS::Lambda::Function",
      Properties: {
        Code: { S3Bucket: "b", S3Key: "code.zip" },
        Handler: "index.handler",
        Role: arnOf("Role"),
        Runtime: "nodejs24.x",
        Timeout: functionTimeout,
      },
    },
    Q: source,
    Mapping: {
      Type: "AWS::Lambda::EventSourceMapping",
      Properties: { EventSourceArn: arnOf("Q"), FunctionName: { Ref: "Fn" }, ...mapping },
    },
  };
}

function load(Resources: Json) {
  mkdirSync(join(dir, "asset.code"), { recursive: true });
  const artifacts = {
    Demo: { type: "aws:cloudformation:stack", properties: { templateFile: "Demo.template.json" } },
    "Demo.assets": { type: "cdk:asset-manifest", properties: { file: "Demo.assets.json" } },
  };
  const code = {
    source: { path: "asset.code", packaging: "zip" },
    destinations: { here: { bucketName: "b", objectKey: "code.zip" } },
  };
  writeFileSync(join(dir, "manifest.json"), JSON.stringify({ artifacts }));
  writeFileSync(join(dir, "Demo.assets.json"), JSON.stringify({ files: { code } }));
  writeFileSync(join(dir, "Demo.template.json"), JSON.stringify({ Resources }));
  return loadModel(dir);
}

describe("queues and mappings of a template", () => {
  test("as CDK's constructs write them: a FIFO queue with dead letters and an alarm, and the function that it feeds", () => {
    process.env.CDK_VALIDATION = "false";
    const app = new App({ outdir: dir, context: { "@aws-cdk/core:newStyleStackSynthesis": true } });
    const stack = new Stack(app, "Demo");
    const high = {
      fifo: true,
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    };
    const dead = new Queue(stack, "Dead", { ...high, retentionPeriod: Duration.days(4) });
    dead
      .metricApproximateNumberOfMessagesVisible()
      .createAlarm(stack, "Alarm", { threshold: 1, evaluationPeriods: 1 });
    const line = new Queue(stack, "Line", {
      ...high,
      visibilityTimeout: Duration.seconds(45),
      retentionPeriod: Duration.minutes(15),
      deadLetterQueue: { queue: dead, maxReceiveCount: 20 },
    });
    const codeDir = join(dir, "code");
    mkdirSync(codeDir);
    writeFileSync(join(codeDir, "index.mjs"), "export const handler = () => {};");
    const target = new LambdaFn(stack, "Fn", {
      runtime: Runtime.NODEJS_24_X,
      handler: "index.handler",
      code: Code.fromAsset(codeDir),
      timeout: Duration.seconds(45),
    });
    line.grantConsumeMessages(target);
    new EventSourceMapping(stack, "Mapping", {
      target,
      eventSourceArn: line.queueArn,
      batchSize: 10,
      reportBatchItemFailures: true,
      maxConcurrency: 7,
    });
    app.synth();
    const { queues, mappings, functions } = loadModel(dir);
    const settings = {
      contentBasedDeduplication: false,
      deduplicationScope: "messageGroup",
      throughputLimit: "perMessageGroupId",
    };
    expect(queues).toMatchObject([
      { name: expect.stringMatching(/^Demo-Dead.*\.fifo$/), fifo: settings, retentionSec: 345_600 },
      {
        name: expect.stringMatching(/^Demo-Line.*\.fifo$/),
        url: expect.stringMatching(
          /^https:\/\/sqs\.us-east-1\.amazonaws\.com\/000000000000\/Demo-Line.*\.fifo$/,
        ),
        fifo: settings,
        visibilityTimeoutSec: 45,
        retentionSec: 900,
        redrive: { deadLetterArn: queues[0]?.arn, maxReceiveCount: 20 },
      },
    ]);
    expect(mappings).toEqual([
      {
        logicalId: expect.stringMatching(/^Mapping/),
        queueArn: queues[1]?.arn,
        functionId: functions[0]?.logicalId,
        batchSize: 10,
        reportsItemFailures: true,
        maxConcurrency: 7,
        minPollers: 5,
      },
    ]);
  });

  test("have AWS's defaults, and disabled mappings do not run", () => {
    const { queues, mappings } = load(mapped());
    expect(queues).toEqual([
      {
        logicalId: "Q",
        name: "Demo-Q.fifo",
        arn: "arn:aws:sqs:us-east-1:000000000000:Demo-Q.fifo",
        url: "https://sqs.us-east-1.amazonaws.com/000000000000/Demo-Q.fifo",
        fifo: { contentBasedDeduplication: false, deduplicationScope: "queue", throughputLimit: "perQueue" },
        visibilityTimeoutSec: 30,
        retentionSec: 345_600,
        maxMessageBytes: 1_048_576,
        receiveWaitSec: 0,
      },
    ]);
    expect(mappings).toMatchObject([
      { batchSize: 10, reportsItemFailures: false, minPollers: 5, maxConcurrency: 1000 },
    ]);
    expect(load(mapped({ Enabled: false })).mappings).toEqual([]);
    const provisioned = { ProvisionedPollerConfig: { MinimumPollers: 3, MaximumPollers: 20 } };
    expect(load(mapped(provisioned)).mappings).toMatchObject([{ minPollers: 3, maxConcurrency: 20 }]);
  });

  const redrive = (target: string, maxReceiveCount = 3): Json => ({
    RedrivePolicy: { deadLetterTargetArn: arnOf(target), maxReceiveCount },
  });
  const policy = (statement: Json): Json => ({
    Q: queue(),
    Policy: {
      Type: "AWS::SQS::QueuePolicy",
      Properties: { Queues: [{ Ref: "Q" }], PolicyDocument: { Statement: [statement] } },
    },
  });

  test.each<[string, Json, RegExp]>([
    [
      "a FIFO queue with another ending",
      { Q: fifo({ QueueName: "q" }) },
      /Q\.Properties\.QueueName: the name of a FIFO queue must end in \.fifo, got "q"/,
    ],
    [
      "a standard queue with that ending",
      { Q: queue({ QueueName: "q.fifo" }) },
      /may end in \.fifo only with FifoQueue/,
    ],
    ["a name with a space", { Q: queue({ QueueName: "q q" }) }, /1 to 80 letters, digits/],
    [
      "deduplication of a standard queue",
      { Q: queue({ DeduplicationScope: "queue" }) },
      /DeduplicationScope: is for queues with FifoQueue/,
    ],
    [
      "high throughput of the whole queue",
      { Q: fifo({ FifoThroughputLimit: "perMessageGroupId" }) },
      /perMessageGroupId is allowed only when the value for DeduplicationScope is messageGroup/,
    ],
    [
      "a scope that does not exist",
      { Q: fifo({ DeduplicationScope: "group" }) },
      /queue or messageGroup is expected, got "group"/,
    ],
    [
      "an hour too long",
      { Q: queue({ VisibilityTimeout: 43_201 }) },
      /VisibilityTimeout: a whole number from 0 to 43200 is allowed, got 43201/,
    ],
    ["a retention that is too short", { Q: queue({ MessageRetentionPeriod: 59 }) }, /from 60 to 1209600/],
    ["a delay", { Q: queue({ DelaySeconds: 1 }) }, /DelaySeconds: the local cloud cannot run this property/],
    [
      "dead letters of another type",
      { Q: fifo(redrive("D")), D: queue() },
      /Dead-letter queue must be same type of queue as the source/,
    ],
    [
      "dead letters to nowhere",
      { Q: queue({ RedrivePolicy: { deadLetterTargetArn: "arn:x", maxReceiveCount: 1 } }) },
      /this template has no queue "arn:x"/,
    ],
    [
      "too many receives",
      { Q: queue(redrive("D", 1001)), D: queue() },
      /maxReceiveCount: a whole number from 1 to 1000 is allowed, got 1001/,
    ],
    [
      "dead letters that are not let in",
      { Q: queue(redrive("D")), D: queue({ RedriveAllowPolicy: { redrivePermission: "denyAll" } }) },
      /RedriveAllowPolicy of Demo-D does not let Demo-Q use it/,
    ],
    [
      "a queue that lets somebody in",
      policy({ Effect: "Allow", Action: "sqs:*", Principal: "*", Resource: "*" }),
      /runs no policies of queues but the one/,
    ],
    [
      "a function that takes longer than messages stay hidden",
      mapped({}, 31),
      /Resources\.Mapping\.Properties: Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds/,
    ],
    [
      "a batching window",
      mapped({ MaximumBatchingWindowInSeconds: 1 }),
      /Batching window is not supported for FIFO queues/,
    ],
    ["a batch that is too large", mapped({ BatchSize: 11 }), /BatchSize: .*1 to 10 is allowed, got 11/],
    [
      "another response",
      mapped({ FunctionResponseTypes: ["All"] }),
      /ReportBatchItemFailures is the only type, got "All"/,
    ],
    [
      "two bounds",
      mapped({ ScalingConfig: { MaximumConcurrency: 2 }, ProvisionedPollerConfig: {} }),
      /exclude each other/,
    ],
    [
      "a bound of one",
      mapped({ ScalingConfig: { MaximumConcurrency: 1 } }),
      /from 2 to 1000 is allowed, got 1/,
    ],
    [
      "another source",
      mapped({ EventSourceArn: "arn:aws:kinesis:x" }),
      /maps queues of this template only, got "arn:aws:kinesis:x"/,
    ],
    ["no function", mapped({ FunctionName: "other" }), /this template has no function "other"/],
    ["a filter", mapped({ FilterCriteria: {} }), /FilterCriteria: the local cloud cannot run this property/],
  ])("%s is an error", (_, resources, message) => {
    expect(() => load(resources)).toThrow(message);
  });

  test("a dead-letter queue may name who uses it", () => {
    const resources = {
      Q: fifo(redrive("D")),
      D: fifo({
        RedriveAllowPolicy: {
          redrivePermission: "byQueue",
          sourceQueueArns: ["arn:aws:sqs:us-east-1:000000000000:Demo-Q.fifo"],
        },
      }),
    };
    expect(load(resources).queues).toHaveLength(2);
  });

  test("Lambda's failures go to standard queues only", () => {
    const config = {
      Type: "AWS::Lambda::EventInvokeConfig",
      Properties: {
        FunctionName: { Ref: "Fn" },
        DestinationConfig: { OnFailure: { Destination: arnOf("Q") } },
      },
    };
    expect(() => load({ ...mapped(), Config: config })).toThrow(
      /sends failed events to standard queues only/,
    );
  });
});
