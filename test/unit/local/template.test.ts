import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { App, Duration, Stack } from "aws-cdk-lib";
import { CfnStage, WebSocketApi, WebSocketStage } from "aws-cdk-lib/aws-apigatewayv2";
import { WebSocketLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { AttributeType, TableV2 } from "aws-cdk-lib/aws-dynamodb";
import { Rule, Schedule as RuleSchedule, RuleTargetInput } from "aws-cdk-lib/aws-events";
import { LambdaFunction } from "aws-cdk-lib/aws-events-targets";
import { Code, Function as LambdaFn, Runtime } from "aws-cdk-lib/aws-lambda";
import { Schedule, ScheduleExpression, ScheduleTargetInput } from "aws-cdk-lib/aws-scheduler";
import { LambdaInvoke } from "aws-cdk-lib/aws-scheduler-targets";
import { matches } from "../../../infra/local/iam/decide.ts";
import { TemplateError } from "../../../infra/local/template/errors.ts";
import { loadModel } from "../../../infra/local/template/load.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "assembly-"));
});
const validation = process.env.CDK_VALIDATION;
afterEach(() => {
  if (validation === undefined) delete process.env.CDK_VALIDATION;
  else process.env.CDK_VALIDATION = validation;
  rmSync(dir, { recursive: true, force: true });
});

type Json = Record<string, unknown>;

/** Writes an assembly of one stack with the asset `code.zip` → directory `asset.code`. */
async function assembly(template: Json): Promise<string> {
  await mkdir(join(dir, "asset.code"), { recursive: true });
  const artifacts = {
    Demo: { type: "aws:cloudformation:stack", properties: { templateFile: "Demo.template.json" } },
    "Demo.assets": { type: "cdk:asset-manifest", properties: { file: "Demo.assets.json" } },
    Tree: { type: "cdk:tree", properties: { file: "tree.json" } },
  };
  const files = {
    code: {
      source: { path: "asset.code", packaging: "zip" },
      destinations: { here: { bucketName: "b", objectKey: "code.zip" } },
    },
  };
  writeFileSync(join(dir, "manifest.json"), JSON.stringify({ artifacts }));
  writeFileSync(join(dir, "Demo.assets.json"), JSON.stringify({ files }));
  writeFileSync(join(dir, "Demo.template.json"), JSON.stringify(template));
  return dir;
}

const role: Json = { Type: "AWS::IAM::Role", Properties: { AssumeRolePolicyDocument: {} } };
const fn = (properties: Json = {}): Json => ({
  Type: "AWS::Lambda::Function",
  Properties: {
    Code: { S3Bucket: "b", S3Key: "code.zip" },
    Handler: "index.handler",
    Role: { "Fn::GetAtt": ["Role", "Arn"] },
    Runtime: "nodejs24.x",
    ...properties,
  },
});
/** It may `a:b` on everything on this condition. */
const roleThatMay = (Condition: Json): Json => ({
  ...role,
  Properties: {
    Policies: [
      { PolicyDocument: { Statement: [{ Effect: "Allow", Action: "a:b", Resource: "*", Condition }] } },
    ],
  },
});
/** A WebSocket API whose one route has an authorizer. */
const guarded = (route: Json, authorizer: Json = {}): Json => {
  const ApiId = { Ref: "Api" };
  const uri = (id: string): Json => ({
    "Fn::Sub": `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\${${id}.Arn}/invocations`,
  });
  return {
    Role: role,
    Fn: fn(),
    Guard: fn(),
    Api: {
      Type: "AWS::ApiGatewayV2::Api",
      Properties: { ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.action" },
    },
    Stage: {
      Type: "AWS::ApiGatewayV2::Stage",
      Properties: { ApiId, StageName: "s", AutoDeploy: true },
    },
    Integration: {
      Type: "AWS::ApiGatewayV2::Integration",
      Properties: { ApiId, IntegrationType: "AWS_PROXY", IntegrationUri: uri("Fn") },
    },
    Authorizer: {
      Type: "AWS::ApiGatewayV2::Authorizer",
      Properties: {
        ApiId,
        AuthorizerType: "REQUEST",
        AuthorizerUri: uri("Guard"),
        IdentitySource: ["route.request.querystring.token", "route.request.header.X-Key"],
        ...authorizer,
      },
    },
    Route: {
      Type: "AWS::ApiGatewayV2::Route",
      Properties: {
        ApiId,
        RouteKey: "$connect",
        AuthorizationType: "CUSTOM",
        AuthorizerId: { Ref: "Authorizer" },
        Target: { "Fn::Join": ["/", ["integrations", { Ref: "Integration" }]] },
        ...route,
      },
    },
  };
};
const environment = (Variables: Json): Json => ({ Environment: { Variables } });

/** The environment of the one function of a template whose variables are `variables`. */
async function resolved(variables: Json, more: Json = {}): Promise<Readonly<Record<string, string>>> {
  const { Resources, ...sections } = more;
  const resources = { Role: role, Fn: fn(environment(variables)), ...(isJson(Resources) ? Resources : {}) };
  const [only] = loadModel(await assembly({ Resources: resources, ...sections })).functions;
  return only?.environment ?? {};
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null;
}

describe("intrinsics", () => {
  test("become what they stand for", async () => {
    const table: Json = {
      Type: "AWS::DynamoDB::Table",
      Properties: { KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }] },
    };
    const api: Json = { Type: "AWS::ApiGatewayV2::Api", Properties: {} };
    const variables = await resolved(
      {
        REF: { Ref: "Table" },
        ATT: { "Fn::GetAtt": ["Table", "Arn"] },
        ATT_TEXT: { "Fn::GetAtt": "Table.Arn" },
        JOIN: { "Fn::Join": ["/", ["a", { Ref: "AWS::Region" }, { Ref: "AWS::AccountId" }, 1]] },
        // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own syntax
        SUB: { "Fn::Sub": "${AWS::Partition}-${Table}-${Table.Arn}-${!Raw}" },
        // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own syntax
        SUB_VARS: { "Fn::Sub": ["${x}.${AWS::URLSuffix}", { x: { "Fn::Join": ["", ["a", "b"]] } }] },
        SELECT: { "Fn::Select": [1, { "Fn::Split": ["|", { Ref: "Parameter" }] }] },
        IF: { "Fn::If": ["Yes", "yes", "no"] },
        NONE: { "Fn::If": ["No", "x", { Ref: "AWS::NoValue" }] },
        ENDPOINT: { "Fn::GetAtt": ["Api", "ApiEndpoint"] },
        NUMBER: 3,
        TRUE: true,
      },
      {
        Parameters: { Parameter: { Type: "String", Default: "a|b|c" } },
        Conditions: {
          Yes: {
            "Fn::And": [
              { "Fn::Equals": [{ Ref: "AWS::Region" }, "us-east-1"] },
              { "Fn::Not": [{ Condition: "No" }] },
            ],
          },
          No: { "Fn::Or": [{ "Fn::Equals": ["a", "b"] }, { "Fn::Equals": ["c", "d"] }] },
        },
        Resources: { Table: table, Api: api },
      },
    );
    const arn = "arn:aws:dynamodb:us-east-1:000000000000:table/Demo-Table";
    expect(variables).toEqual({
      REF: "Demo-Table",
      ATT: arn,
      ATT_TEXT: arn,
      JOIN: "a/us-east-1/000000000000/1",
      SUB: `aws-Demo-Table-${arn}-\${Raw}`,
      SUB_VARS: "ab.amazonaws.com",
      SELECT: "b",
      IF: "yes",
      ENDPOINT: expect.stringMatching(/^wss:\/\/[a-z0-9]{10}\.execute-api\.us-east-1\.amazonaws\.com$/),
      NUMBER: "3",
      TRUE: "true",
    });
  });

  test.each([
    [
      "an unknown function",
      { "Fn::ImportValue": "x" },
      /Fn\.Properties\.Environment\.Variables\.V: .*Fn::ImportValue/,
    ],
    [
      "an unknown name",
      { Ref: "Nobody" },
      /Variables\.V\.Ref: there is no resource or parameter called "Nobody"/,
    ],
    [
      "an unknown attribute",
      { "Fn::GetAtt": ["Role", "Color"] },
      /no attribute "Color" of Role \(AWS::IAM::Role\)/,
    ],
    ["an unknown condition", { "Fn::If": ["Maybe", 1, 2] }, /no condition called "Maybe"/],
    ["a parameter without a value", { Ref: "Ask" }, /the parameter Ask has no default/],
    ["a selection that is not there", { "Fn::Select": [5, ["a"]] }, /no entry 5/],
  ])("%s is an error that says where", async (_name, value, message) => {
    const parameters = { Parameters: { Ask: { Type: "String" } } };
    await expect(resolved({ V: value }, parameters)).rejects.toThrow(message);
    await expect(resolved({ V: value }, parameters)).rejects.toBeInstanceOf(TemplateError);
  });
});

describe("what the local cloud cannot run is an error", () => {
  const load = async (Resources: Json) => loadModel(await assembly({ Resources }));

  test.each<[string, Json, RegExp]>([
    ["a type", { Topic: { Type: "AWS::SNS::Topic" } }, /Resources\.Topic: .*AWS::SNS::Topic/],
    [
      "a failure destination elsewhere",
      {
        Role: role,
        Fn: fn(),
        Config: {
          Type: "AWS::Lambda::EventInvokeConfig",
          Properties: {
            FunctionName: { Ref: "Fn" },
            DestinationConfig: { OnFailure: { Destination: "arn:aws:sqs:us-east-1:1:other" } },
          },
        },
      },
      /queues of this template only, got "arn:aws:sqs:us-east-1:1:other"/,
    ],
    [
      "a destination of what succeeded",
      {
        Role: role,
        Fn: fn(),
        Config: {
          Type: "AWS::Lambda::EventInvokeConfig",
          Properties: {
            FunctionName: { Ref: "Fn" },
            DestinationConfig: { OnSuccess: { Destination: "arn:aws:sqs:us-east-1:1:other" } },
          },
        },
      },
      /DestinationConfig\.OnSuccess: .*cannot run this property/,
    ],
    ["an authorizer of another route", guarded({ RouteKey: "$default" }), /only \$connect can have/],
    [
      "another authorization",
      guarded({ AuthorizationType: "AWS_IAM" }),
      /Lambda authorizers \(CUSTOM\) only, got "AWS_IAM"/,
    ],
    [
      "an authorizer whose answers are to be kept",
      guarded({}, { AuthorizerResultTtlInSeconds: 300 }),
      /AuthorizerResultTtlInSeconds: .*caches no answers/,
    ],
    [
      "an authorizer of another kind",
      guarded({}, { AuthorizerType: "JWT" }),
      /takes REQUEST authorizers only, got "JWT"/,
    ],
    [
      "an identity source from elsewhere",
      guarded({}, { IdentitySource: ["stageVariables.x"] }),
      /IdentitySource\[0\]: .*got "stageVariables\.x"/,
    ],
    [
      "an authorizer that invokes a stranger",
      guarded({}, { AuthorizerUri: "arn:stranger" }),
      /no function for "arn:stranger"/,
    ],
    ["an authorizer that is not there", guarded({ AuthorizerId: "nobody" }), /no authorizer "nobody"/],
    [
      "a property of a function",
      { Role: role, Fn: fn({ Layers: ["l"] }) },
      /Fn\.Properties\.Layers: .*cannot run this property/,
    ],
    [
      "another runtime",
      { Role: role, Fn: fn({ Runtime: "python3.13" }) },
      /Node\.js only, got "python3\.13"/,
    ],
    ["inline code", { Role: role, Fn: fn({ Code: { ZipFile: "x" } }) }, /code that is an asset/],
    ["an unknown asset", { Role: role, Fn: fn({ Code: { S3Key: "z.zip" } }) }, /uploaded as "z\.zip"/],
    [
      "a role from elsewhere",
      { Fn: fn({ Role: "arn:aws:iam::1:role/x" }) },
      /no role arn:aws:iam::1:role\/x/,
    ],
    [
      "an unknown managed policy",
      {
        Role: { ...role, Properties: { ManagedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"] } },
      },
      /managed policy "AdministratorAccess"/,
    ],
    [
      "a condition's operator",
      { Role: roleThatMay({ StringEquals: { "aws:SourceIp": "1" } }) },
      /Statement\[0\]\.Condition\.StringEquals: .*ForAllValues and ForAnyValue/,
    ],
    [
      "a condition's key",
      { Role: roleThatMay({ "ForAllValues:StringEquals": { "dynamodb:Attributes": ["pk"] } }) },
      /dynamodb:LeadingKeys only, got "dynamodb:Attributes"/,
    ],
    [
      "a cron",
      {
        Role: role,
        Fn: fn(),
        Rule: {
          Type: "AWS::Events::Rule",
          Properties: { ScheduleExpression: "cron(0 0 * * ? *)", Targets: [] },
        },
      },
      /rates such as rate\(1 minute\), got "cron/,
    ],
    [
      "an HTTP API",
      {
        Api: { Type: "AWS::ApiGatewayV2::Api", Properties: { ProtocolType: "HTTP" } },
        Stage: {
          Type: "AWS::ApiGatewayV2::Stage",
          Properties: { ApiId: { Ref: "Api" }, StageName: "s", AutoDeploy: true },
        },
      },
      /WebSocket APIs only, got "HTTP"/,
    ],
  ])("%s", async (_name, resources, message) => {
    await expect(load(resources)).rejects.toThrow(message);
  });

  test("two stacks, or none", () => {
    const stack = { type: "aws:cloudformation:stack", properties: { templateFile: "x" } };
    writeFileSync(join(dir, "manifest.json"), JSON.stringify({ artifacts: { A: stack, B: stack } }));
    expect(() => loadModel(dir)).toThrow("exactly one stack, got 2 (A, B)");
    writeFileSync(join(dir, "manifest.json"), JSON.stringify({ artifacts: {} }));
    expect(() => loadModel(dir)).toThrow("exactly one stack, got 0 (none)");
    expect(() => loadModel(join(dir, "nowhere"))).toThrow(TemplateError);
  });
});

describe("resources", () => {
  test("whose condition does not hold do not exist", async () => {
    const Resources = {
      Meta: {
        Type: "AWS::CDK::Metadata",
        Condition: "Never",
        Properties: { Analytics: { "Fn::ImportValue": "x" } },
      },
      Logs: { Type: "AWS::Logs::LogGroup", Properties: {} },
    };
    const Conditions = { Never: { "Fn::Equals": ["a", "b"] } };
    expect(loadModel(await assembly({ Resources, Conditions })).functions).toEqual([]);
  });

  test("of an authorizer say whom to ask, and for what", async () => {
    const [api] = loadModel(await assembly({ Resources: guarded({}) })).apis;
    expect(api?.routes).toMatchObject([
      {
        routeKey: "$connect",
        integration: { kind: "lambda", functionId: "Fn" },
        authorizer: {
          functionId: "Guard",
          identitySources: [
            { from: "querystring", name: "token" },
            { from: "header", name: "X-Key" },
          ],
        },
      },
    ]);
  });

  test("of a function say how many run at once, and where its failures go", async () => {
    const Resources = {
      Role: role,
      Fn: fn({ ReservedConcurrentExecutions: 5 }),
      Failed: { Type: "AWS::SQS::Queue", Properties: { MessageRetentionPeriod: 60 } },
      Config: {
        Type: "AWS::Lambda::EventInvokeConfig",
        Properties: {
          FunctionName: { Ref: "Fn" },
          DestinationConfig: { OnFailure: { Destination: { "Fn::GetAtt": ["Failed", "Arn"] } } },
        },
      },
    };
    const model = loadModel(await assembly({ Resources }));
    const arn = "arn:aws:sqs:us-east-1:000000000000:Demo-Failed";
    expect(model.queues).toMatchObject([{ logicalId: "Failed", name: "Demo-Failed", arn, retentionSec: 60 }]);
    expect(model.functions).toMatchObject([{ reservedConcurrency: 5, onFailure: arn, asyncRetries: 2 }]);
  });

  test("keep the conditions of policies", async () => {
    const Role = roleThatMay({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["I#*"] } });
    const [only] = loadModel(await assembly({ Resources: { Role, Fn: fn() } })).functions;
    const condition = { qualifier: "ForAllValues", operator: "StringLike", key: "dynamodb:LeadingKeys" };
    expect(only?.statements).toEqual([
      {
        effect: "Allow",
        actions: ["a:b"],
        resources: ["*"],
        conditions: [{ ...condition, values: ["I#*"] }],
      },
    ]);
  });

  test("have AWS's defaults", async () => {
    const [only] = loadModel(await assembly({ Resources: { Role: role, Fn: fn() } })).functions;
    expect(only).toEqual({
      logicalId: "Fn",
      name: "Demo-Fn",
      arn: "arn:aws:lambda:us-east-1:000000000000:function:Demo-Fn",
      codeDir: join(dir, "asset.code"),
      handler: "index.handler",
      environment: {},
      timeoutSec: 3,
      memoryMb: 128,
      statements: [],
      asyncRetries: 2,
      asyncMaxAgeSec: 21_600,
      permissions: [],
    });
  });
});

/** A stack of real constructs, with everything that the loader knows. */
function synthesize(): string {
  const code = mkdtempSync(join(dir, "code-"));
  writeFileSync(join(code, "index.mjs"), "export const handler = async () => 1;");
  // CDK's rules for good templates take ten times as long as all the rest, and are not what is tested here.
  process.env.CDK_VALIDATION = "false";
  const app = new App({ outdir: join(dir, "out"), analyticsReporting: false });
  const stack = new Stack(app, "Real");
  const table = new TableV2(stack, "Table", {
    partitionKey: { name: "pk", type: AttributeType.STRING },
    sortKey: { name: "sk", type: AttributeType.STRING },
    timeToLiveAttribute: "expiresAt",
    globalSecondaryIndexes: [
      { indexName: "by-minute", partitionKey: { name: "minute", type: AttributeType.STRING } },
    ],
  });
  const lambda = new LambdaFn(stack, "Fn", {
    runtime: Runtime.NODEJS_24_X,
    handler: "index.handler",
    code: Code.fromAsset(code),
    environment: { TABLE: table.tableName },
    timeout: Duration.seconds(20),
    retryAttempts: 0,
    maxEventAge: Duration.minutes(1),
  });
  table.grantReadData(lambda);
  const integration = new WebSocketLambdaIntegration("Integration", lambda, {
    timeout: Duration.seconds(10),
  });
  const api = new WebSocketApi(stack, "Api", {
    connectRouteOptions: { integration },
    defaultRouteOptions: { integration, returnResponse: true },
  });
  const stage = new WebSocketStage(stack, "Stage", { webSocketApi: api, stageName: "dev", autoDeploy: true });
  const cfnStage = stage.node.defaultChild;
  if (cfnStage instanceof CfnStage) cfnStage.defaultRouteSettings = { throttlingRateLimit: 100 };
  stage.grantManagementApiAccess(lambda);
  new Rule(stack, "Rule", {
    schedule: RuleSchedule.rate(Duration.minutes(5)),
    targets: [new LambdaFunction(lambda, { event: RuleTargetInput.fromObject({ by: "rule" }) })],
  });
  new Schedule(stack, "Schedule", {
    schedule: ScheduleExpression.rate(Duration.hours(2)),
    target: new LambdaInvoke(lambda, { input: ScheduleTargetInput.fromObject({ by: "schedule" }) }),
  });
  return app.synth().directory;
}

describe("a stack of real CDK constructs", () => {
  test("becomes a model whose parts fit together", () => {
    const model = loadModel(synthesize());
    const [lambda] = model.functions;
    const [table] = model.tables;
    const [api] = model.apis;
    if (!lambda || !table || !api) throw new Error("something is missing");
    expect(lambda).toMatchObject({
      environment: { TABLE: table.name },
      timeoutSec: 20,
      asyncRetries: 0,
      asyncMaxAgeSec: 60,
    });
    expect(lambda.statements).toContainEqual({
      effect: "Allow",
      actions: ["execute-api:ManageConnections"],
      resources: [`arn:aws:execute-api:us-east-1:000000000000:${api.apiId}/dev/*/@connections/*`],
    });
    expect(lambda.statements.some(({ resources }) => resources.includes(`${table.arn}/index/*`))).toBe(true);
    expect(lambda.statements.some(({ actions }) => actions.includes("logs:PutLogEvents"))).toBe(true);
    expect(table).toMatchObject({
      ttlAttribute: "expiresAt",
      createTable: { TableName: table.name, GlobalSecondaryIndexes: [{ IndexName: "by-minute" }] },
    });
    const integration = { kind: "lambda", functionId: lambda.logicalId, timeoutMs: 10_000 };
    expect(api).toMatchObject({ stage: "dev", throttle: { ratePerSec: 100, burst: 5000 } });
    expect(api.routes).toEqual([
      { routeKey: "$connect", integration, returnsResponse: false },
      { routeKey: "$default", integration, returnsResponse: true },
    ]);
    // Whoever is to invoke the function may.
    const sources = [
      ...model.schedules.map(({ source }) => source),
      ...api.routes.map(({ routeKey }) => ({
        principal: "apigateway.amazonaws.com",
        arn: `arn:aws:execute-api:us-east-1:000000000000:${api.apiId}/dev/${routeKey}`,
      })),
    ];
    expect(sources).toHaveLength(4);
    for (const { principal, arn } of sources) {
      const allowed = lambda.permissions.some(
        (permission) => permission.principal === principal && matches(permission.sourceArn ?? "*", arn),
      );
      expect({ principal, arn, allowed }).toEqual({ principal, arn, allowed: true });
    }
    expect(model.schedules.map(({ everySec, input }) => ({ everySec, input }))).toEqual([
      { everySec: 300, input: { by: "rule" } },
      { everySec: 7200, input: { by: "schedule" } },
    ]);
  });
});
