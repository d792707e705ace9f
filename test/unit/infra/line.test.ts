import { describe, expect, test } from "@jest/globals";
import { App } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import type { SkysocketApiProps } from "../../../infra/constructs/index.ts";
import { DISCONNECT_TEMPLATE, MESSAGE_TEMPLATE } from "../../../infra/constructs/line-templates.ts";
import { SkysocketStack } from "../../../infra/stack.ts";
import { LINE_VISIBILITY_SECONDS } from "../../../lambdas/handlers/line/timing.ts";

function newStack(props: Partial<SkysocketApiProps>): SkysocketStack {
  const app = new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
    context: { "aws:cdk:bundling-stacks": [] },
  });
  return new SkysocketStack(app, "Skysocket", { api: { entry: "lambdas/app.ts", ...props } });
}

const stack = newStack({ ordered: true });
const template = Template.fromStack(stack);

const onlyId = (type: string, of: string): string => {
  const [id, ...others] = Object.keys(template.findResources(type)).filter((one) => one.startsWith(of));
  if (id === undefined || others.length > 0) throw new Error(`not exactly one ${type} ${of}`);
  return id;
};
const queue = onlyId("AWS::SQS::Queue", "RealtimeLineQueue");
const deadLetters = onlyId("AWS::SQS::Queue", "RealtimeLineDeadLetters");
const queueArn = { "Fn::GetAtt": [queue, "Arn"] };
const socket = onlyId("AWS::Lambda::Function", "RealtimeSocket");
const policyNamed = (of: string) => template.toJSON().Resources[onlyId("AWS::IAM::Policy", of)].Properties;
const allow = (Sid: string, Action: string) => ({ Sid, Effect: "Allow", Action, Resource: queueArn });

describe("the line", () => {
  test("is a FIFO queue of high throughput, encrypted, that no frame stays in for more than a quarter of an hour", () => {
    template.hasResource("AWS::SQS::Queue", {
      Properties: {
        FifoQueue: true,
        FifoThroughputLimit: "perMessageGroupId",
        DeduplicationScope: "messageGroup",
        VisibilityTimeout: 30,
        MessageRetentionPeriod: 900,
        SqsManagedSseEnabled: true,
        QueueName: Match.absent(),
        ContentBasedDeduplication: Match.absent(),
        RedrivePolicy: { deadLetterTargetArn: { "Fn::GetAtt": [deadLetters, "Arn"] }, maxReceiveCount: 20 },
      },
      DeletionPolicy: "Delete",
    });
  });

  test("gives up a frame after twenty receives, and keeps it for four days", () => {
    template.hasResource("AWS::SQS::Queue", {
      Properties: {
        FifoQueue: true,
        FifoThroughputLimit: "perMessageGroupId",
        DeduplicationScope: "messageGroup",
        MessageRetentionPeriod: 345_600,
        SqsManagedSseEnabled: true,
        RedrivePolicy: Match.absent(),
      },
      DeletionPolicy: "Retain",
    });
  });

  test("takes and gives nothing without TLS", () => {
    for (const id of [queue, deadLetters]) {
      template.hasResourceProperties("AWS::SQS::QueuePolicy", {
        Queues: [{ Ref: id }],
        PolicyDocument: {
          Statement: [
            Match.objectLike({
              Effect: "Deny",
              Action: "sqs:*",
              Principal: { AWS: "*" },
              Condition: { Bool: { "aws:SecureTransport": "false" } },
            }),
          ],
        },
      });
    }
  });

  test("has an alarm for dead letters", () => {
    template.hasResourceProperties("AWS::CloudWatch::Alarm", {
      Namespace: "AWS/SQS",
      MetricName: "ApproximateNumberOfMessagesVisible",
      Dimensions: [{ Name: "QueueName", Value: { "Fn::GetAtt": [deadLetters, "QueueName"] } }],
      Statistic: "Maximum",
      ComparisonOperator: "GreaterThanThreshold",
      Threshold: 0,
      EvaluationPeriods: 1,
      TreatMissingData: "notBreaching",
    });
    expect(stack.api.line?.alarm.alarmArn).toBeDefined();
  });

  test("feeds the socket function ten frames at a time, each of which may fail on its own", () => {
    template.hasResource("AWS::Lambda::EventSourceMapping", {
      Properties: {
        EventSourceArn: queueArn,
        FunctionName: { Ref: socket },
        BatchSize: 10,
        FunctionResponseTypes: ["ReportBatchItemFailures"],
        ScalingConfig: Match.absent(),
        MaximumBatchingWindowInSeconds: Match.absent(),
      },
    });
    // Lambda refuses a mapping whose function may not read the queue: the function, which the mapping names, comes after its rights.
    template.hasResource("AWS::Lambda::Function", {
      Properties: { RecursiveLoop: "Allow" },
      DependsOn: Match.arrayWith([onlyId("AWS::IAM::Policy", "RealtimeSocketRights")]),
    });
  });

  test("is not visible again before the function has ended, as Lambda demands", () => {
    template.hasResourceProperties("AWS::Lambda::Function", { Timeout: 29, RecursiveLoop: "Allow" });
  });

  test("hides a batch for as long as the function believes", () => {
    // Infrastructure imports nothing of what runs in AWS, so both say it.
    expect(LINE_VISIBILITY_SECONDS).toBe(30);
    template.hasResourceProperties("AWS::SQS::Queue", { VisibilityTimeout: LINE_VISIBILITY_SECONDS });
  });

  test("tells the socket function where it and its dead letters are", () => {
    template.hasResourceProperties("AWS::Lambda::Function", {
      RecursiveLoop: "Allow",
      Environment: {
        Variables: {
          LINE_QUEUE_URL: { Ref: queue },
          LINE_DEAD_LETTERS_URL: { Ref: deadLetters },
          ROUTE_RESPONSES: Match.absent(),
        },
      },
    });
  });
});

describe("what may be done with it", () => {
  test("the socket function takes, delays, deletes, adds and buries messages", () => {
    const statements: { readonly Sid: string }[] =
      policyNamed("RealtimeSocketRights").PolicyDocument.Statement;
    expect(statements.filter(({ Sid }) => Sid.startsWith("Line"))).toEqual([
      allow("LineReceive", "sqs:ReceiveMessage"),
      allow("LineDelete", "sqs:DeleteMessage"),
      allow("LineAttributes", "sqs:GetQueueAttributes"),
      allow("LineVisibility", "sqs:ChangeMessageVisibility"),
      allow("LineSend", "sqs:SendMessage"),
      { ...allow("LineBury", "sqs:SendMessage"), Resource: { "Fn::GetAtt": [deadLetters, "Arn"] } },
    ]);
  });

  test("API Gateway adds messages, and may do nothing else at all", () => {
    const role = onlyId("AWS::IAM::Role", "RealtimeLineGatewayRole");
    expect(template.toJSON().Resources[role].Properties).toEqual({
      AssumeRolePolicyDocument: {
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Action: "sts:AssumeRole",
            Principal: { Service: "apigateway.amazonaws.com" },
          },
        ],
      },
    });
    const policies = Object.values(template.findResources("AWS::IAM::Policy")).filter(({ Properties }) =>
      JSON.stringify(Properties.Roles).includes(role),
    );
    expect(policies.map(({ Properties }) => Properties.PolicyDocument.Statement)).toEqual([
      [allow("GatewayLineSend", "sqs:SendMessage")],
    ]);
  });
});

describe("its routes", () => {
  const routes = Object.values(template.findResources("AWS::ApiGatewayV2::Route"));
  const integrations = template.findResources("AWS::ApiGatewayV2::Integration");
  const integrationOf = (routeKey: string) => {
    const target = routes.find(({ Properties }) => Properties.RouteKey === routeKey)?.Properties.Target;
    return integrations[target["Fn::Join"][1][1].Ref]?.Properties;
  };

  test.each([
    ["$default", MESSAGE_TEMPLATE],
    ["$disconnect", DISCONNECT_TEMPLATE],
  ])("%s is a send to it, and waits for no answer of the function", (routeKey, text) => {
    expect(integrationOf(routeKey)).toEqual({
      ApiId: { Ref: expect.any(String) },
      IntegrationType: "AWS",
      IntegrationMethod: "POST",
      IntegrationUri: {
        "Fn::Join": [
          "",
          [
            "arn:",
            { Ref: "AWS::Partition" },
            ":apigateway:",
            { Ref: "AWS::Region" },
            ":sqs:path/",
            { Ref: "AWS::AccountId" },
            "/",
            { "Fn::GetAtt": [queue, "QueueName"] },
          ],
        ],
      },
      CredentialsArn: { "Fn::GetAtt": [onlyId("AWS::IAM::Role", "RealtimeLineGatewayRole"), "Arn"] },
      RequestParameters: {
        "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'",
      },
      TemplateSelectionExpression: "\\$default",
      RequestTemplates: { $default: text },
      PassthroughBehavior: "NEVER",
    });
  });

  test("$connect still invokes the function, and nobody gets a route response", () => {
    expect(integrationOf("$connect")).toMatchObject({ IntegrationType: "AWS_PROXY" });
    template.resourceCountIs("AWS::ApiGatewayV2::RouteResponse", 0);
    template.resourceCountIs("AWS::ApiGatewayV2::IntegrationResponse", 0);
    expect(routes.filter(({ Properties }) => "RouteResponseSelectionExpression" in Properties)).toEqual([]);
  });
});

describe("the prop", () => {
  test("ordered: false is the direct way: nothing of the line is there", () => {
    const direct = newStack({ ordered: false });
    expect(direct.api.line).toBeUndefined();
    const text = JSON.stringify(Template.fromStack(direct).toJSON());
    expect(text).not.toContain("RealtimeLine");
    expect(text).not.toContain("LINE_QUEUE_URL");
  });

  test("ordered and routeResponses exclude each other, and the message says what to do", () => {
    expect(() => newStack({ ordered: true, routeResponses: true })).toThrow(
      expect.objectContaining({
        name: "SkysocketConfigError",
        code: "ROUTE_RESPONSES_ORDERED",
        message: expect.stringContaining("Leave routeResponses out, or set ordered to false"),
      }),
    );
    expect(() => newStack({ ordered: false, routeResponses: true })).not.toThrow();
  });
});
