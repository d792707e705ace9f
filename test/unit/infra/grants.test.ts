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

/** The direct way: what the line adds is in line.test.ts. */
function newStack(): SkysocketStack {
  const app = new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
    context: { "aws:cdk:bundling-stacks": [] },
  });
  return new SkysocketStack(app, "Skysocket", { api: { entry: "lambdas/app.ts", ordered: false } });
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
/** Of the table, only items whose partition keys begin with one of these letters. */
const onItems = (sid: string, action: string, kinds: string[]) => ({
  ...allow(sid, action, table),
  Condition: {
    "ForAllValues:StringLike": {
      "dynamodb:LeadingKeys": kinds.flatMap((kind) => [`${kind}#*`, `${kind}~*`]),
    },
  },
});

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
      allow("FailedTasks", "sqs:SendMessage", arnOf("AWS::SQS::Queue")),
      allow("InvokeSelf", "lambda:InvokeFunction", arnOf("AWS::Lambda::Function", "RealtimeSocket")),
    ]);
  });

  test("the heartbeat exactly this: it closes nothing and deletes nothing", () => {
    const index = { "Fn::Join": ["", [table, "/index/heartbeat"]] };
    expect(statementsOf(onlyId("AWS::IAM::Role", "RealtimeHeartbeat"))).toEqual([
      allow("HeartbeatQueryIndex", "dynamodb:Query", index),
      onItems("HeartbeatQuery", "dynamodb:Query", ["C"]),
      {
        ...allow("HeartbeatUpdateItem", "dynamodb:UpdateItem", table),
        Condition: { "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": ["H"] } },
      },
      allow("HeartbeatPost", "execute-api:ManageConnections", connections("POST")),
      allow(
        "HeartbeatInvokeSocket",
        "lambda:InvokeFunction",
        arnOf("AWS::Lambda::Function", "RealtimeSocket"),
      ),
      allow("HeartbeatLogs", LOG_ACTIONS, arnOf("AWS::Logs::LogGroup", "RealtimeHeartbeat")),
      allow("HeartbeatFailedTasks", "sqs:SendMessage", arnOf("AWS::SQS::Queue")),
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
        allow("FanOutFailedTasks", "sqs:SendMessage", arnOf("AWS::SQS::Queue")),
        allow("FanOutInvokeSelf", "lambda:InvokeFunction", arnOf("AWS::Lambda::Function", "RealtimeFanOut")),
        allow(
          "FanOutInvokeSocket",
          "lambda:InvokeFunction",
          arnOf("AWS::Lambda::Function", "RealtimeSocket"),
        ),
      ]),
    );
    expect(statementsOf(onlyId("AWS::IAM::Role", "RealtimeFanOut"))).toHaveLength(8);
  });

  describe.each([
    [
      "grantEmit",
      "sockets and rooms: it can look for no connection, and write none",
      [
        onItems("EmitQuery", "dynamodb:Query", ["E", "R"]),
        onItems("EmitGetItem", "dynamodb:GetItem", ["A", "C", "F", "P"]),
        onItems("EmitPutItem", "dynamodb:PutItem", ["F", "G", "L", "Q"]),
        onItems("EmitUpdateItem", "dynamodb:UpdateItem", ["F", "G", "L", "P"]),
        allow("EmitConnectionPost", "execute-api:ManageConnections", connections("POST")),
        allow("EmitInvokeSocket", "lambda:InvokeFunction", arnOf("AWS::Lambda::Function", "RealtimeSocket")),
        allow("EmitInvokeFanOut", "lambda:InvokeFunction", arnOf("AWS::Lambda::Function", "RealtimeFanOut")),
      ],
    ],
    [
      "grantEmitToInboxes",
      "inboxes alone",
      [
        ...["Query", "GetItem", "PutItem", "UpdateItem", "DeleteItem"].map((action) =>
          onItems(`Inbox${action}`, `dynamodb:${action}`, ["I"]),
        ),
        allow("InboxConnectionPost", "execute-api:ManageConnections", connections("POST")),
        allow("InboxInvokeSocket", "lambda:InvokeFunction", arnOf("AWS::Lambda::Function", "RealtimeSocket")),
      ],
    ],
    [
      "grantManageSockets",
      "members and connections: it posts nothing",
      [
        onItems("SocketsQuery", "dynamodb:Query", ["E", "L", "R"]),
        onItems("SocketsGetItem", "dynamodb:GetItem", ["C", "R"]),
        onItems("SocketsBatchGetItem", "dynamodb:BatchGetItem", ["C", "U"]),
        onItems("SocketsPutItem", "dynamodb:PutItem", ["D", "R"]),
        onItems("SocketsUpdateItem", "dynamodb:UpdateItem", ["C", "R"]),
        onItems("SocketsDeleteItem", "dynamodb:DeleteItem", ["R"]),
        allow(
          "SocketsInvokeSocket",
          "lambda:InvokeFunction",
          arnOf("AWS::Lambda::Function", "RealtimeSocket"),
        ),
      ],
    ],
  ] as const)("another function, by %s", (grant, what, rights) => {
    const stack = newStack();
    const cron = new LambdaFunction(stack, "Cron", {
      code: Code.fromInline("exports.handler = async () => undefined"),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      environment: { TABLE_NAME: "its own" },
    });
    stack.api[grant](cron);
    const granted = Template.fromStack(stack);

    test(`exactly what it takes for ${what}`, () => {
      const [policy] = Object.entries(granted.findResources("AWS::IAM::Policy"))
        .filter(([id]) => id.startsWith("Cron"))
        .map(([, resource]) => resource.Properties.PolicyDocument.Statement);
      expect(policy).toEqual(rights);
    });

    test("and it finds its way", () => {
      granted.hasResourceProperties("AWS::Lambda::Function", {
        Environment: {
          Variables: {
            TABLE_NAME: "its own",
            SKYSOCKET_TABLE_NAME: { Ref: onlyId("AWS::DynamoDB::Table") },
            SKYSOCKET_CALLBACK_URL: Match.objectLike({ "Fn::Join": Match.anyValue() }),
            SKYSOCKET_SOCKET_FUNCTION_NAME: { Ref: onlyId("AWS::Lambda::Function", "RealtimeSocket") },
            SKYSOCKET_FAN_OUT_FUNCTION_NAME: { Ref: onlyId("AWS::Lambda::Function", "RealtimeFanOut") },
          },
        },
      });
    });
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
