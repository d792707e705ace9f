import { describe, expect, test } from "@jest/globals";
import { App, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { Code, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { SkysocketApiProps } from "../../../infra/constructs/index.ts";
import { SkysocketStack } from "../../../infra/stack.ts";

/** The template alone: nothing is bundled, and CDK's own rules do not run (synth.test.ts has them run, outside Jest). */
function synthesizeTemplate(props: Partial<SkysocketApiProps> = {}): Template {
  return Template.fromStack(
    new SkysocketStack(newApp(), "Skysocket", { api: { entry: "lambdas/app.ts", ...props } }),
  );
}

function newApp(): App {
  return new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
    context: { "aws:cdk:bundling-stacks": [] },
  });
}

/** @param of the construct's name, where there are several of the type */
const logicalIdOf = (template: Template, type: string, of = "") => {
  const ids = Object.keys(template.findResources(type)).filter((id) => id.startsWith(of));
  expect(ids).toHaveLength(1);
  return ids[0];
};

describe("the template by default", () => {
  const template = synthesizeTemplate();
  const apiId = logicalIdOf(template, "AWS::ApiGatewayV2::Api");
  const functionId = logicalIdOf(template, "AWS::Lambda::Function", "RealtimeSocket");
  const tableId = logicalIdOf(template, "AWS::DynamoDB::Table");
  const logsId = logicalIdOf(template, "AWS::Logs::LogGroup", "RealtimeSocket");
  const roleId = logicalIdOf(template, "AWS::IAM::Role", "RealtimeSocket");

  test("has only kinds of resources that the local cloud knows", () => {
    const kinds = Object.values<{ Type: string }>(template.toJSON().Resources).map(({ Type }) => Type);
    expect([...new Set(kinds)].sort()).toEqual([
      "AWS::ApiGatewayV2::Api",
      "AWS::ApiGatewayV2::Integration",
      "AWS::ApiGatewayV2::Route",
      "AWS::ApiGatewayV2::Stage",
      "AWS::CloudWatch::Alarm",
      "AWS::DynamoDB::Table",
      "AWS::Events::Rule",
      "AWS::IAM::Policy",
      "AWS::IAM::Role",
      "AWS::Lambda::EventInvokeConfig",
      "AWS::Lambda::EventSourceMapping",
      "AWS::Lambda::Function",
      "AWS::Lambda::Permission",
      "AWS::Logs::LogGroup",
      "AWS::SQS::Queue",
      "AWS::SQS::QueuePolicy",
    ]);
  });

  test("the table is on demand, with TTL and backups, and outlives the stack", () => {
    template.hasResource("AWS::DynamoDB::Table", {
      DeletionPolicy: "Retain",
      UpdateReplacePolicy: "Retain",
      Properties: {
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        AttributeDefinitions: [
          { AttributeName: "pk", AttributeType: "S" },
          { AttributeName: "sk", AttributeType: "S" },
          { AttributeName: "beat", AttributeType: "S" },
        ],
        TimeToLiveSpecification: { AttributeName: "expiresAt", Enabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        ProvisionedThroughput: Match.absent(),
        GlobalSecondaryIndexes: [
          {
            IndexName: "heartbeat",
            KeySchema: [{ AttributeName: "beat", KeyType: "HASH" }],
            Projection: {
              ProjectionType: "INCLUDE",
              NonKeyAttributes: ["v", "connectedAt", "bye", "byeAt", "expiresAt"],
            },
          },
        ],
        LocalSecondaryIndexes: Match.absent(),
      },
    });
  });

  test("the function runs on Node 24 and arm64, no longer than API Gateway waits", () => {
    template.hasResourceProperties("AWS::Lambda::Function", {
      Runtime: "nodejs24.x",
      Architectures: ["arm64"],
      Handler: "index.handler",
      Timeout: 29,
      MemorySize: 512,
      RecursiveLoop: "Allow",
      LoggingConfig: { LogFormat: "Text", LogGroup: { Ref: logsId } },
      Role: { "Fn::GetAtt": [roleId, "Arn"] },
    });
  });

  test("the function's environment is the table, the callback URL, the workers, the line and the ping interval, and nothing else", () => {
    template.hasResourceProperties("AWS::Lambda::Function", {
      Environment: {
        Variables: Match.exact({
          TABLE_NAME: { Ref: tableId },
          PING_INTERVAL_MINUTES: "8",
          FAN_OUT_FUNCTION_NAME: { Ref: logicalIdOf(template, "AWS::Lambda::Function", "RealtimeFanOut") },
          LINE_QUEUE_URL: { Ref: logicalIdOf(template, "AWS::SQS::Queue", "RealtimeLineQueue") },
          LINE_DEAD_LETTERS_URL: { Ref: logicalIdOf(template, "AWS::SQS::Queue", "RealtimeLineDeadLetters") },
          CALLBACK_URL: {
            "Fn::Join": [
              "",
              [
                "https://",
                { Ref: apiId },
                ".execute-api.",
                { Ref: "AWS::Region" },
                ".",
                { Ref: "AWS::URLSuffix" },
                "/prod",
              ],
            ],
          },
        }),
      },
    });
  });

  test("its rights are there before its code", () => {
    const rights = Object.keys(template.findResources("AWS::IAM::Policy")).find((id) =>
      id.includes("SocketRights"),
    );
    template.hasResource("AWS::Lambda::Function", { DependsOn: Match.arrayWith([rights]) });
  });

  test("failed tasks are tried twice again, within five minutes", () => {
    template.hasResourceProperties("AWS::Lambda::EventInvokeConfig", {
      FunctionName: { Ref: functionId },
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 300,
    });
  });

  test("what each function has given up goes to one queue, which keeps it for two weeks, encrypted", () => {
    const Destination = {
      "Fn::GetAtt": [logicalIdOf(template, "AWS::SQS::Queue", "RealtimeFailedTasks"), "Arn"],
    };
    template.resourceCountIs("AWS::Lambda::EventInvokeConfig", 3);
    template.allResourcesProperties("AWS::Lambda::EventInvokeConfig", {
      DestinationConfig: { OnFailure: { Destination } },
    });
    template.hasResource("AWS::SQS::Queue", {
      DeletionPolicy: "Retain",
      Properties: { MessageRetentionPeriod: 1_209_600, SqsManagedSseEnabled: true },
    });
  });

  test("nothing is reserved of the account's concurrency: a new account can reserve nothing", () => {
    template.allResourcesProperties("AWS::Lambda::Function", {
      ReservedConcurrentExecutions: Match.absent(),
    });
  });

  test("logs are kept for a month", () => {
    template.resourceCountIs("AWS::Logs::LogGroup", 3);
    template.allResources("AWS::Logs::LogGroup", {
      DeletionPolicy: "Retain",
      Properties: { RetentionInDays: 30 },
    });
  });

  test("three routes, all into the function, none answering, where ordered is false", () => {
    const template = synthesizeTemplate({ ordered: false });
    const apiId = logicalIdOf(template, "AWS::ApiGatewayV2::Api");
    template.resourceCountIs("AWS::ApiGatewayV2::Route", 3);
    template.resourceCountIs("AWS::ApiGatewayV2::RouteResponse", 0);
    for (const RouteKey of ["$connect", "$disconnect", "$default"]) {
      template.hasResourceProperties("AWS::ApiGatewayV2::Route", {
        ApiId: { Ref: apiId },
        RouteKey,
        AuthorizationType: "NONE",
        RouteResponseSelectionExpression: Match.absent(),
      });
      template.hasResourceProperties("AWS::Lambda::Permission", {
        Principal: "apigateway.amazonaws.com",
        FunctionName: { "Fn::GetAtt": [functionId, "Arn"] },
        SourceArn: { "Fn::Join": ["", Match.arrayWith([{ Ref: apiId }, `/*${RouteKey}`])] },
      });
    }
    template.allResourcesProperties("AWS::ApiGatewayV2::Integration", {
      IntegrationType: "AWS_PROXY",
      TimeoutInMillis: 29_000,
    });
  });

  test("the heartbeat runs every minute for at most one, by a rule that alone may invoke it", () => {
    const heartbeatId = logicalIdOf(template, "AWS::Lambda::Function", "RealtimeHeartbeat");
    template.hasResourceProperties("AWS::Events::Rule", {
      ScheduleExpression: "rate(1 minute)",
      State: "ENABLED",
      Targets: [Match.objectLike({ Arn: { "Fn::GetAtt": [heartbeatId, "Arn"] } })],
    });
    template.hasResourceProperties("AWS::Lambda::Permission", {
      Principal: "events.amazonaws.com",
      FunctionName: { "Fn::GetAtt": [heartbeatId, "Arn"] },
      SourceArn: { "Fn::GetAtt": [logicalIdOf(template, "AWS::Events::Rule"), "Arn"] },
    });
    template.hasResourceProperties("AWS::Lambda::Function", {
      Runtime: "nodejs24.x",
      Architectures: ["arm64"],
      Timeout: 60,
      LoggingConfig: { LogGroup: { Ref: logicalIdOf(template, "AWS::Logs::LogGroup", "RealtimeHeartbeat") } },
      Role: { "Fn::GetAtt": [logicalIdOf(template, "AWS::IAM::Role", "RealtimeHeartbeat"), "Arn"] },
      Environment: {
        Variables: Match.exact({
          TABLE_NAME: { Ref: tableId },
          CALLBACK_URL: Match.anyValue(),
          SOCKET_FUNCTION_NAME: { Ref: functionId },
          PING_INTERVAL_MINUTES: "8",
        }),
      },
    });
    // The next run makes up for one that failed.
    template.hasResourceProperties("AWS::Lambda::EventInvokeConfig", {
      FunctionName: { Ref: heartbeatId },
      MaximumRetryAttempts: 0,
    });
  });

  test("workers of a fan-out have a minute each, and are tried twice again within five", () => {
    template.hasResourceProperties("AWS::Lambda::Function", {
      Runtime: "nodejs24.x",
      Architectures: ["arm64"],
      MemorySize: 1024,
      Timeout: 60,
      RecursiveLoop: "Allow",
      LoggingConfig: { LogGroup: { Ref: logicalIdOf(template, "AWS::Logs::LogGroup", "RealtimeFanOut") } },
      Role: { "Fn::GetAtt": [logicalIdOf(template, "AWS::IAM::Role", "RealtimeFanOut"), "Arn"] },
      Environment: {
        Variables: Match.exact({ TABLE_NAME: { Ref: tableId }, CALLBACK_URL: Match.anyValue() }),
      },
    });
    template.hasResourceProperties("AWS::Lambda::EventInvokeConfig", {
      FunctionName: { Ref: logicalIdOf(template, "AWS::Lambda::Function", "RealtimeFanOut") },
      MaximumRetryAttempts: 2,
      MaximumEventAgeInSeconds: 300,
    });
  });

  test("the stage deploys itself, lets a hundred requests a second through, and logs no access", () => {
    template.hasResourceProperties("AWS::ApiGatewayV2::Api", {
      ProtocolType: "WEBSOCKET",
      RouteSelectionExpression: "$request.body.action",
    });
    template.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
      StageName: "prod",
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 500 },
      AccessLogSettings: Match.absent(),
    });
  });

  test("the outputs say where and how to connect", () => {
    const host = [{ Ref: apiId }, ".execute-api.", { Ref: "AWS::Region" }, ".", { Ref: "AWS::URLSuffix" }];
    template.hasOutput("Url", { Value: { "Fn::Join": ["", ["wss://", ...host, "/prod"]] } });
    template.hasOutput("Client", {
      Value: {
        "Fn::Join": [
          "",
          ['io("wss://', ...host, '", { path: "/prod", transports: ["websocket"], forceBase64: true })'],
        ],
      },
    });
  });
});

describe("props", () => {
  test("a table for trying out goes with the stack, and so do the logs", () => {
    const template = synthesizeTemplate({
      removalPolicy: RemovalPolicy.DESTROY,
      pointInTimeRecovery: false,
      logRetention: RetentionDays.ONE_DAY,
    });
    template.hasResource("AWS::DynamoDB::Table", {
      DeletionPolicy: "Delete",
      Properties: { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false } },
    });
    template.hasResource("AWS::Logs::LogGroup", {
      DeletionPolicy: "Delete",
      Properties: { RetentionInDays: 1 },
    });
  });

  test("route responses make $default, and no other route, answer", () => {
    const template = synthesizeTemplate({ ordered: false, routeResponses: true });
    template.resourceCountIs("AWS::ApiGatewayV2::RouteResponse", 1);
    template.hasResourceProperties("AWS::ApiGatewayV2::RouteResponse", { RouteResponseKey: "$default" });
    template.hasResourceProperties("AWS::ApiGatewayV2::Route", {
      RouteKey: "$default",
      RouteResponseSelectionExpression: "$default",
    });
    template.hasResourceProperties("AWS::Lambda::Function", {
      Environment: { Variables: { ROUTE_RESPONSES: "1" } },
    });
  });

  test("another stage is in the URL, the grants and the client's path", () => {
    const template = synthesizeTemplate({ stageName: "dev-2" });
    template.hasResourceProperties("AWS::ApiGatewayV2::Stage", { StageName: "dev-2" });
    const text = JSON.stringify(template.toJSON());
    expect(text).toContain("/dev-2/POST/@connections/*");
    expect(text).toContain(JSON.stringify('path: "/dev-2"').slice(1, -1));
    expect(text).not.toContain("/prod");
  });

  test("throttle, memory and source maps reach their resources", () => {
    const template = synthesizeTemplate({
      throttle: { rateLimit: 50, burstLimit: 20 },
      memorySize: 1_769,
      sourceMap: true,
    });
    template.hasResourceProperties("AWS::ApiGatewayV2::Stage", {
      DefaultRouteSettings: { ThrottlingRateLimit: 50, ThrottlingBurstLimit: 20 },
    });
    template.hasResourceProperties("AWS::Lambda::Function", {
      MemorySize: 1_769,
      Environment: { Variables: { NODE_OPTIONS: "--enable-source-maps" } },
    });
  });

  const concurrencyOf = (template: Template) =>
    Object.fromEntries(
      Object.entries(template.findResources("AWS::Lambda::Function")).map(([id, { Properties }]) => [
        id.replace(/^Realtime|Function[0-9A-F]{8}$|[0-9A-F]{8}$/g, ""),
        Properties.ReservedConcurrentExecutions,
      ]),
    );

  test("a reserved concurrency leaves two invocations to the heartbeat", () => {
    const template = synthesizeTemplate({ reservedConcurrency: 50 });
    expect(concurrencyOf(template)).toEqual({ Socket: 50, FanOut: undefined, Heartbeat: 2 });
  });

  test("each function has a reserved concurrency of its own, also none at all", () => {
    const template = synthesizeTemplate({
      reservedConcurrency: 0,
      fanOutReservedConcurrency: 20,
      heartbeatReservedConcurrency: 1,
    });
    expect(concurrencyOf(template)).toEqual({ Socket: 0, FanOut: 20, Heartbeat: 1 });
  });

  test.each([
    ["reservedConcurrency", -1],
    ["fanOutReservedConcurrency", 1.5],
    ["heartbeatReservedConcurrency", Number.NaN],
  ])("%s cannot be %d", (name, value) => {
    expect(() => synthesizeTemplate({ [name]: value })).toThrow(
      expect.objectContaining({
        code: "CONCURRENCY_INVALID",
        message: expect.stringContaining(`${name} cannot be ${value}`),
      }),
    );
  });

  test("an authorizer guards $connect, asks for no header by default, and may be invoked for that alone", () => {
    const guarded = (identitySource?: string[]) => {
      const app = newApp();
      const guard = new LambdaFunction(new Stack(app, "Guards"), "Guard", {
        code: Code.fromInline("exports.handler = async () => undefined"),
        handler: "index.handler",
        runtime: Runtime.NODEJS_24_X,
      });
      const connectAuthorizer = { handler: guard, ...(identitySource && { identitySource }) };
      return Template.fromStack(
        new SkysocketStack(app, "Skysocket", { api: { entry: "lambdas/app.ts", connectAuthorizer } }),
      );
    };
    const template = guarded();
    const AuthorizerId = { Ref: logicalIdOf(template, "AWS::ApiGatewayV2::Authorizer") };
    template.hasResourceProperties("AWS::ApiGatewayV2::Authorizer", {
      AuthorizerType: "REQUEST",
      IdentitySource: [],
      AuthorizerResultTtlInSeconds: Match.absent(),
    });
    template.hasResourceProperties("AWS::ApiGatewayV2::Route", {
      RouteKey: "$connect",
      AuthorizationType: "CUSTOM",
      AuthorizerId,
    });
    for (const RouteKey of ["$disconnect", "$default"]) {
      template.hasResourceProperties("AWS::ApiGatewayV2::Route", { RouteKey, AuthorizationType: "NONE" });
    }
    template.hasResourceProperties("AWS::Lambda::Permission", {
      Principal: "apigateway.amazonaws.com",
      SourceArn: { "Fn::Join": ["", Match.arrayWith(["/authorizers/", AuthorizerId])] },
    });
    const IdentitySource = ["route.request.querystring.token"];
    guarded(IdentitySource).hasResourceProperties("AWS::ApiGatewayV2::Authorizer", { IdentitySource });
  });

  test("an access log goes to a group of its own, and holds no text and no query", () => {
    const template = synthesizeTemplate({ accessLog: { retention: RetentionDays.ONE_WEEK } });
    const group = logicalIdOf(template, "AWS::Logs::LogGroup", "RealtimeAccessLog");
    template.hasResourceProperties("AWS::Logs::LogGroup", { RetentionInDays: 7 });
    const [stage] = Object.values(template.findResources("AWS::ApiGatewayV2::Stage"));
    const { DestinationArn, Format } = stage?.Properties.AccessLogSettings ?? {};
    expect(DestinationArn).toEqual({ "Fn::GetAtt": [group, "Arn"] });
    expect(Object.keys(JSON.parse(Format))).toEqual(
      expect.arrayContaining(["requestId", "connectionId", "routeKey", "status", "sourceIp"]),
    );
    expect(Format).not.toMatch(/body|query/i);
    // A setting of the whole account is nobody's by accident.
    template.resourceCountIs("AWS::ApiGateway::Account", 0);
  });

  test("an access log can set the account's role, before the stage needs it, and leave it there", () => {
    const template = synthesizeTemplate({ accessLog: { setAccountRole: true } });
    const account = logicalIdOf(template, "AWS::ApiGateway::Account");
    const role = logicalIdOf(template, "AWS::IAM::Role", "RealtimeAccessLog");
    template.hasResource("AWS::ApiGatewayV2::Stage", { DependsOn: Match.arrayWith([account]) });
    template.hasResource("AWS::ApiGateway::Account", {
      DeletionPolicy: "Retain",
      Properties: { CloudWatchRoleArn: { "Fn::GetAtt": [role, "Arn"] } },
    });
    template.hasResource("AWS::IAM::Role", {
      DeletionPolicy: "Retain",
      Properties: {
        AssumeRolePolicyDocument: {
          Statement: [Match.objectLike({ Principal: { Service: "apigateway.amazonaws.com" } })],
        },
      },
    });
  });

  test("another ping interval reaches the heartbeat, and the socket function, which tells clients", () => {
    const template = synthesizeTemplate({ pingInterval: Duration.minutes(3) });
    const told = template.findResources("AWS::Lambda::Function", {
      Properties: { Environment: { Variables: { PING_INTERVAL_MINUTES: "3" } } },
    });
    const ids = [
      logicalIdOf(template, "AWS::Lambda::Function", "RealtimeHeartbeat"),
      logicalIdOf(template, "AWS::Lambda::Function", "RealtimeSocket"),
    ];
    expect(Object.keys(told).sort()).toEqual(ids.sort());
  });

  test.each([Duration.seconds(90), Duration.seconds(0), Duration.minutes(9)])(
    "connections cannot be pinged every %s",
    (pingInterval) => {
      expect(() => synthesizeTemplate({ pingInterval })).toThrow(
        expect.objectContaining({
          code: "PING_INTERVAL_INVALID",
          message: expect.stringContaining("1 to 8 whole minutes"),
        }),
      );
    },
  );

  test.each(["socket.io", "", "a/b", "x".repeat(129)])("a stage cannot be called %j", (stageName) => {
    expect(() => synthesizeTemplate({ stageName })).toThrow(
      expect.objectContaining({
        code: "STAGE_NAME_INVALID",
        message: expect.stringContaining(`"${stageName}"`),
      }),
    );
  });

  test.each([
    [
      "a file that is not there",
      "lambdas/nowhere.ts",
      /no application module "lambdas\/nowhere.ts".*\/lambdas\/nowhere.ts/s,
    ],
    ["a directory", "lambdas", /JavaScript or TypeScript file, but got "lambdas"/],
    ["something else", "package.json", /JavaScript or TypeScript file, but got "package.json"/],
  ])("%s is no application", (_what, entry, message) => {
    expect(() => synthesizeTemplate({ entry })).toThrow(
      expect.objectContaining({ code: "ENTRY_NOT_FOUND", message: expect.stringMatching(message) }),
    );
  });
});
