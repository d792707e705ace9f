import { describe, expect, test } from "@jest/globals";
import { App } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { SkysocketStack } from "../../../infra/stack.ts";

interface PolicyResource {
  readonly Properties: {
    readonly Roles: unknown;
    readonly PolicyDocument: { readonly Statement: readonly Record<string, unknown>[] };
  };
}

function newStack(): SkysocketStack {
  const app = new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
    context: { "aws:cdk:bundling-stacks": [] },
  });
  return new SkysocketStack(app, "Skysocket", { api: { entry: "lambdas/app.ts" } });
}

const template = Template.fromStack(newStack());

/** @param of the construct's name, where there are several of the type */
const onlyId = (type: string, of = ""): string => {
  const [id, ...others] = Object.keys(template.findResources(type)).filter((one) => one.startsWith(of));
  if (id === undefined || others.length > 0) throw new Error(`not exactly one ${type} ${of}`);
  return id;
};
const policies: PolicyResource[] = Object.values<PolicyResource>(
  JSON.parse(JSON.stringify(template.findResources("AWS::IAM::Policy"))),
);
const statementsOf = (role: string) =>
  policies
    .filter(({ Properties }) => JSON.stringify(Properties.Roles) === JSON.stringify([{ Ref: role }]))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
const arnOf = (type: string, of = "") => ({ "Fn::GetAtt": [onlyId(type, of), "Arn"] });
const connections = (method: string) => ({
  "Fn::Join": [
    "",
    [
      "arn:",
      { Ref: "AWS::Partition" },
      ":execute-api:",
      { Ref: "AWS::Region" },
      ":",
      { Ref: "AWS::AccountId" },
      ":",
      { Ref: onlyId("AWS::ApiGatewayV2::Api") },
      `/prod/${method}/@connections/*`,
    ],
  ],
});
const LOG_ACTIONS = ["logs:CreateLogStream", "logs:PutLogEvents"];
const allow = (Sid: string, Action: string | string[], Resource: unknown) => ({
  Sid,
  Effect: "Allow",
  Action,
  Resource,
});

const table = arnOf("AWS::DynamoDB::Table");

describe("what the functions may do", () => {
  test("the socket function exactly this, each right in a statement of its own", () => {
    expect(statementsOf(onlyId("AWS::IAM::Role", "RealtimeSocket"))).toEqual([
      allow("TableGetItem", "dynamodb:GetItem", table),
      allow("TableBatchGetItem", "dynamodb:BatchGetItem", table),
      allow("TableQuery", "dynamodb:Query", table),
      allow("TablePutItem", "dynamodb:PutItem", table),
      allow("TableUpdateItem", "dynamodb:UpdateItem", table),
      allow("TableDeleteItem", "dynamodb:DeleteItem", table),
      allow("ConnectionPost", "execute-api:ManageConnections", connections("POST")),
      allow("ConnectionDelete", "execute-api:ManageConnections", connections("DELETE")),
      allow("Logs", LOG_ACTIONS, arnOf("AWS::Logs::LogGroup", "RealtimeSocket")),
      allow("InvokeFanOut", "lambda:InvokeFunction", arnOf("AWS::Lambda::Function", "RealtimeFanOut")),
      allow("InvokeSelf", "lambda:InvokeFunction", arnOf("AWS::Lambda::Function", "RealtimeSocket")),
    ]);
  });

  test("the heartbeat exactly this: it closes nothing and deletes nothing", () => {
    const index = { "Fn::Join": ["", [table, "/index/heartbeat"]] };
    expect(statementsOf(onlyId("AWS::IAM::Role", "RealtimeHeartbeat"))).toEqual([
      allow("HeartbeatQueryIndex", "dynamodb:Query", index),
      allow("HeartbeatQuery", "dynamodb:Query", table),
      allow("HeartbeatUpdateItem", "dynamodb:UpdateItem", table),
      allow("HeartbeatPost", "execute-api:ManageConnections", connections("POST")),
      allow(
        "HeartbeatInvokeSocket",
        "lambda:InvokeFunction",
        arnOf("AWS::Lambda::Function", "RealtimeSocket"),
      ),
      allow("HeartbeatLogs", LOG_ACTIONS, arnOf("AWS::Logs::LogGroup", "RealtimeHeartbeat")),
    ]);
  });

  test("the fan-out's workers exactly this: they put, close and delete nothing", () => {
    expect(statementsOf(onlyId("AWS::IAM::Role", "RealtimeFanOut"))).toEqual(
      expect.arrayContaining([
        allow("FanOutQuery", "dynamodb:Query", table),
        allow("FanOutGetItem", "dynamodb:GetItem", table),
        allow("FanOutUpdateItem", "dynamodb:UpdateItem", table),
        allow("FanOutPost", "execute-api:ManageConnections", connections("POST")),
        allow("FanOutLogs", LOG_ACTIONS, arnOf("AWS::Logs::LogGroup", "RealtimeFanOut")),
        allow("FanOutInvokeSelf", "lambda:InvokeFunction", arnOf("AWS::Lambda::Function", "RealtimeFanOut")),
        allow(
          "FanOutInvokeSocket",
          "lambda:InvokeFunction",
          arnOf("AWS::Lambda::Function", "RealtimeSocket"),
        ),
      ]),
    );
    expect(statementsOf(onlyId("AWS::IAM::Role", "RealtimeFanOut"))).toHaveLength(7);
  });

  test("a function that grantEmit was called with exactly this, and it finds its way", () => {
    const stack = newStack();
    const cron = new LambdaFunction(stack, "Cron", {
      code: Code.fromInline("exports.handler = async () => undefined"),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      environment: { TABLE_NAME: "its own" },
    });
    stack.api.grantEmit(cron);
    const emitting = Template.fromStack(stack);
    const socketFunction = onlyId("AWS::Lambda::Function", "RealtimeSocket");
    const fanOut = onlyId("AWS::Lambda::Function", "RealtimeFanOut");
    emitting.hasResourceProperties("AWS::Lambda::Function", {
      Environment: {
        Variables: {
          TABLE_NAME: "its own",
          SKYSOCKET_TABLE_NAME: { Ref: onlyId("AWS::DynamoDB::Table") },
          SKYSOCKET_CALLBACK_URL: Match.objectLike({ "Fn::Join": Match.anyValue() }),
          SKYSOCKET_SOCKET_FUNCTION_NAME: { Ref: socketFunction },
          SKYSOCKET_FAN_OUT_FUNCTION_NAME: { Ref: fanOut },
        },
      },
    });
    const [policy] = Object.entries(emitting.findResources("AWS::IAM::Policy"))
      .filter(([id]) => id.startsWith("Cron"))
      .map(([, resource]) => resource.Properties.PolicyDocument.Statement);
    expect(policy).toEqual([
      allow("EmitTableGetItem", "dynamodb:GetItem", table),
      allow("EmitTableBatchGetItem", "dynamodb:BatchGetItem", table),
      allow("EmitTableQuery", "dynamodb:Query", table),
      allow("EmitTablePutItem", "dynamodb:PutItem", table),
      allow("EmitTableUpdateItem", "dynamodb:UpdateItem", table),
      allow("EmitTableDeleteItem", "dynamodb:DeleteItem", table),
      allow("EmitConnectionPost", "execute-api:ManageConnections", connections("POST")),
      allow("EmitInvokeSocket", "lambda:InvokeFunction", { "Fn::GetAtt": [socketFunction, "Arn"] }),
      allow("EmitInvokeFanOut", "lambda:InvokeFunction", { "Fn::GetAtt": [fanOut, "Arn"] }),
    ]);
  });

  test("and no other role has a right", () => {
    const roles = Object.keys(template.findResources("AWS::IAM::Role"));
    const all = policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
    expect(roles.flatMap(statementsOf)).toHaveLength(all.length);
  });

  test("through roles that only Lambda takes on, without managed or inline policies", () => {
    const roles = Object.values(template.findResources("AWS::IAM::Role"));
    expect(roles).toHaveLength(3);
    for (const { Properties } of roles) {
      expect(Properties).toEqual({
        AssumeRolePolicyDocument: {
          Version: "2012-10-17",
          Statement: [
            { Action: "sts:AssumeRole", Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" } },
          ],
        },
      });
    }
  });
});
