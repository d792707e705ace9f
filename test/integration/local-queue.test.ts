import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { type LocalCloud, startLocalCloud } from "../../infra/local/cloud.ts";

/** A template of one's own, written by hand: each new connection is a message of a FIFO queue, which feeds the same function. */

const signatureV4 = pathToFileURL(createRequire(import.meta.url).resolve("@smithy/signature-v4")).href;
const CODE = `
  import { createHash, createHmac } from "node:crypto";
  import signature from ${JSON.stringify(signatureV4)};
  class Sha256 {
    constructor(key) { this.hash = key ? createHmac("sha256", key) : createHash("sha256"); }
    update(data) { this.hash.update(data); }
    async digest() { return this.hash.digest(); }
  }
  export async function handler({ Records, requestContext }) {
    for (const { body, attributes } of Records ?? []) console.log("handled " + body + " of " + attributes.MessageGroupId);
    if (Records) return { batchItemFailures: [] };
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken, QUEUE_URL } = process.env;
    const signer = new signature.SignatureV4({ service: "sqs", region: "us-east-1", sha256: Sha256, credentials: { accessKeyId, secretAccessKey, sessionToken } });
    // As the SDK does it: to the host of the queue's URL.
    const { host, hostname, port } = new URL(QUEUE_URL);
    const body = JSON.stringify({ QueueUrl: QUEUE_URL, MessageBody: requestContext.connectionId, MessageGroupId: "connections", MessageDeduplicationId: requestContext.requestId });
    const headers = { host, "x-amz-target": "AmazonSQS.SendMessage" };
    const signed = await signer.sign({ method: "POST", protocol: "http:", hostname, port: Number(port), path: "/", query: {}, headers, body });
    const { status } = await fetch("http://" + host, { method: "POST", headers: signed.headers, body });
    return { statusCode: status };
  }`;

const Ref = (name: string) => ({ Ref: name });
const Arn = (name: string) => ({ "Fn::GetAtt": [name, "Arn"] });
const queueRights = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "SendMessage"].map(
  (action) => `sqs:${action}`,
);
const allow = (Action: readonly string[], Resource: unknown) => ({ Effect: "Allow", Action, Resource });
const Resources = {
  Role: {
    Type: "AWS::IAM::Role",
    Properties: {
      AssumeRolePolicyDocument: {},
      Policies: [
        {
          PolicyName: "own",
          PolicyDocument: { Statement: [allow(queueRights, Arn("Line")), allow(["logs:*"], "*")] },
        },
      ],
    },
  },
  Fn: {
    Type: "AWS::Lambda::Function",
    Properties: {
      Code: { S3Bucket: "b", S3Key: "code.zip" },
      Environment: { Variables: { QUEUE_URL: Ref("Line") } },
      Handler: "index.handler",
      Role: Arn("Role"),
      Runtime: "nodejs24.x",
      Timeout: 20,
    },
  },
  Permission: {
    Type: "AWS::Lambda::Permission",
    Properties: {
      Action: "lambda:InvokeFunction",
      FunctionName: Ref("Fn"),
      Principal: "apigateway.amazonaws.com",
    },
  },
  Line: { Type: "AWS::SQS::Queue", Properties: { FifoQueue: true } },
  Mapping: {
    Type: "AWS::Lambda::EventSourceMapping",
    Properties: {
      EventSourceArn: Arn("Line"),
      FunctionName: Ref("Fn"),
      FunctionResponseTypes: ["ReportBatchItemFailures"],
    },
  },
  Api: {
    Type: "AWS::ApiGatewayV2::Api",
    Properties: { ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.action" },
  },
  Stage: {
    Type: "AWS::ApiGatewayV2::Stage",
    Properties: { ApiId: Ref("Api"), StageName: "s", AutoDeploy: true },
  },
  Integration: {
    Type: "AWS::ApiGatewayV2::Integration",
    Properties: {
      ApiId: Ref("Api"),
      IntegrationType: "AWS_PROXY",
      IntegrationUri: {
        // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholder
        "Fn::Sub": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Fn.Arn}/invocations",
      },
    },
  },
  Route: {
    Type: "AWS::ApiGatewayV2::Route",
    Properties: {
      ApiId: Ref("Api"),
      RouteKey: "$connect",
      Target: { "Fn::Join": ["/", ["integrations", Ref("Integration")]] },
    },
  },
};

let directory: string;
let cloud: LocalCloud;
const waiting = new Set<(text: string) => void>();

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "assembly-"));
  await mkdir(join(directory, "asset.code"));
  await writeFile(join(directory, "asset.code", "index.mjs"), CODE);
  const artifacts = {
    Demo: { type: "aws:cloudformation:stack", properties: { templateFile: "Demo.template.json" } },
    "Demo.assets": { type: "cdk:asset-manifest", properties: { file: "Demo.assets.json" } },
  };
  const code = {
    source: { path: "asset.code", packaging: "zip" },
    destinations: { here: { bucketName: "b", objectKey: "code.zip" } },
  };
  await writeFile(join(directory, "manifest.json"), JSON.stringify({ artifacts }));
  await writeFile(join(directory, "Demo.assets.json"), JSON.stringify({ files: { code } }));
  await writeFile(join(directory, "Demo.template.json"), JSON.stringify({ Resources }));
  cloud = await startLocalCloud({
    assembly: directory,
    onLog: ({ text }) => {
      for (const listener of waiting) listener(text);
    },
  });
});

afterAll(async () => {
  await cloud?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Connects; resolves with the line in which the function says that it has handled the connection's message. */
async function connect(): Promise<string> {
  const handled = new Promise<string>((resolve) => {
    const listener = (text: string): void => {
      if (!text.startsWith("handled ")) return;
      waiting.delete(listener);
      resolve(text);
    };
    waiting.add(listener);
  });
  const socket = new WebSocket(cloud.ws);
  try {
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return await handled;
  } finally {
    socket.close();
  }
}

test("a function sends to its queue, which feeds it, also after the cloud has been loaded again", async () => {
  expect(await connect()).toMatch(/^handled \S+ of connections$/);
  await cloud.reload();
  expect(await connect()).toMatch(/^handled \S+ of connections$/);
  const { sqs, lambda } = cloud.meter.snapshot().services;
  expect(sqs).toMatchObject({ Fn: { SendMessage: { count: 2 }, ReceiveMessage: { count: 2 } } });
  expect(lambda).toMatchObject({ Fn: { $connect: { count: 2 }, "sqs.amazonaws.com": { failures: 0 } } });
  expect(cloud.logs.lines.filter(({ level }) => level === "error")).toEqual([]);
});
