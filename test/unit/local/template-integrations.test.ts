/** Integrations of routes that send to a queue, as a template has them. */
import { describe, expect, test } from "@jest/globals";
import { readApis } from "../../../infra/local/template/apis.ts";
import { rolePolicies } from "../../../infra/local/template/policies.ts";
import { Stack } from "../../../infra/local/template/stack.ts";

type Json = Record<string, unknown>;

const TEMPLATE =
  "Action=SendMessage&MessageGroupId=$context.connectionId&MessageBody=$util.urlEncode($input.body)";
const QUEUE_NAME = { "Fn::GetAtt": ["Queue", "QueueName"] };
const ApiId = { Ref: "Api" };

const trusting = (Service: unknown, more: Json = {}): Json => ({
  AssumeRolePolicyDocument: {
    Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service }, ...more }],
  },
});

interface Changes {
  readonly integration?: Json;
  readonly route?: Json;
  readonly role?: Json;
}

/** One route, to a queue. */
function apisOf({ integration = {}, route = {}, role = {} }: Changes = {}) {
  const Resources: Json = {
    Queue: { Type: "AWS::SQS::Queue", Properties: { QueueName: "Line.fifo", FifoQueue: true } },
    Role: {
      Type: "AWS::IAM::Role",
      Properties: {
        ...trusting("apigateway.amazonaws.com"),
        Policies: [
          {
            PolicyDocument: {
              Statement: [
                { Effect: "Allow", Action: "sqs:SendMessage", Resource: { "Fn::GetAtt": ["Queue", "Arn"] } },
              ],
            },
          },
        ],
        ...role,
      },
    },
    Api: {
      Type: "AWS::ApiGatewayV2::Api",
      Properties: { ProtocolType: "WEBSOCKET", RouteSelectionExpression: "$request.body.action" },
    },
    Stage: { Type: "AWS::ApiGatewayV2::Stage", Properties: { ApiId, StageName: "s", AutoDeploy: true } },
    Integration: {
      Type: "AWS::ApiGatewayV2::Integration",
      Properties: {
        ApiId,
        ConnectionType: "INTERNET",
        IntegrationType: "AWS",
        IntegrationMethod: "POST",
        IntegrationUri: {
          "Fn::Join": ["/", ["arn:aws:apigateway:us-east-1:sqs:path/000000000000", QUEUE_NAME]],
        },
        CredentialsArn: { "Fn::GetAtt": ["Role", "Arn"] },
        PassthroughBehavior: "NEVER",
        RequestParameters: {
          "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'",
        },
        RequestTemplates: { $default: TEMPLATE },
        TemplateSelectionExpression: "\\$default",
        ...integration,
      },
    },
    Route: {
      Type: "AWS::ApiGatewayV2::Route",
      Properties: {
        ApiId,
        RouteKey: "$default",
        AuthorizationType: "NONE",
        Target: { "Fn::Join": ["/", ["integrations", { Ref: "Integration" }]] },
        ...route,
      },
    },
    Response: {
      Type: "AWS::ApiGatewayV2::RouteResponse",
      Properties: { ApiId, RouteId: { Ref: "Route" }, RouteResponseKey: "$default" },
    },
  };
  const stack = new Stack({ stackName: "Demo", template: { Resources }, assets: new Map(), warnings: [] });
  const resources = stack.resources();
  return readApis({ resources, stack, functions: [], roles: rolePolicies(resources, stack) });
}

test("a route to a queue has the queue, the role and what it may, and the template", () => {
  const queueArn = "arn:aws:sqs:us-east-1:000000000000:Line.fifo";
  expect(apisOf()[0]?.routes).toEqual([
    {
      routeKey: "$default",
      integration: {
        kind: "sqs",
        queueArn,
        role: {
          arn: "arn:aws:iam::000000000000:role/Demo-Role",
          statements: [{ effect: "Allow", actions: ["sqs:SendMessage"], resources: [queueArn] }],
        },
        template: TEMPLATE,
        timeoutMs: 29_000,
      },
      returnsResponse: false,
    },
  ]);
  const [api] = apisOf({ integration: { TimeoutInMillis: 50, ConnectionType: undefined } });
  expect(api?.routes[0]?.integration.timeoutMs).toBe(50);
});

describe("a template is refused, with the place, for", () => {
  test.each<[what: string, Changes, where: string, why: string]>([
    [
      "other services",
      { integration: { IntegrationUri: "arn:aws:apigateway:us-east-1:sns:x" } },
      "IntegrationUri",
      "<queue",
    ],
    [
      "queues of nobody",
      { integration: { IntegrationUri: "arn:aws:apigateway:us-east-1:sqs:path/000000000000/Other" } },
      "IntegrationUri",
      "sqs:path/000000000000/<queue of this template> is expected",
    ],
    ["other types", { integration: { IntegrationType: "MOCK" } }, "IntegrationType", 'got "MOCK"'],
    [
      "other methods",
      { integration: { IntegrationMethod: "GET" } },
      "IntegrationMethod",
      '"POST" only, got "GET"',
    ],
    ["private links", { integration: { ConnectionType: "VPC_LINK" } }, "ConnectionType", '"INTERNET" only'],
    [
      "frames that pass through",
      { integration: { PassthroughBehavior: "WHEN_NO_MATCH" } },
      "PassthroughBehavior",
      '"NEVER" only',
    ],
    [
      "frames that pass through by default",
      { integration: { PassthroughBehavior: undefined } },
      "PassthroughBehavior",
      '"WHEN_NO_MATCH"',
    ],
    [
      "conversions",
      { integration: { ContentHandlingStrategy: "CONVERT_TO_TEXT" } },
      "ContentHandlingStrategy",
      "cannot run",
    ],
    [
      "other parameters",
      { integration: { RequestParameters: { "integration.request.header.X": "'y'" } } },
      "RequestParameters",
      "SQS takes a form",
    ],
    [
      "no parameters",
      { integration: { RequestParameters: undefined } },
      "RequestParameters",
      "SQS takes a form",
    ],
    [
      "other selections",
      { integration: { TemplateSelectionExpression: "$request.body.x" } },
      "TemplateSelectionExpression",
      "only",
    ],
    [
      "other templates",
      { integration: { RequestTemplates: { "application/json": "x" } } },
      "application/json",
      "cannot run",
    ],
    [
      "no templates",
      { integration: { RequestTemplates: undefined } },
      "RequestTemplates",
      "$default is expected",
    ],
    [
      "what is not rendered as on AWS",
      { integration: { RequestTemplates: { $default: `${TEMPLATE}$input.json('$')` } } },
      "RequestTemplates.$default",
      "line 1, $input.json(…): of $input there is body only",
    ],
    [
      "other actions",
      { integration: { RequestTemplates: { $default: "Action=PurgeQueue" } } },
      "$default",
      "got PurgeQueue",
    ],
    [
      "no body",
      { integration: { RequestTemplates: { $default: "Action=SendMessage" } } },
      "$default",
      "MessageBody",
    ],
    [
      "attributes of messages",
      { integration: { RequestTemplates: { $default: `${TEMPLATE}&MessageAttribute.1.Name=x` } } },
      "$default",
      "does not take the parameter MessageAttribute.1.Name",
    ],
    ["a long wait", { integration: { TimeoutInMillis: 30_000 } }, "TimeoutInMillis", "50 to 29000"],
    [
      "nobody's role",
      { integration: { CredentialsArn: "arn:aws:iam::1:role/x" } },
      "CredentialsArn",
      "no role",
    ],
    ["no role", { integration: { CredentialsArn: undefined } }, "CredentialsArn", "is required"],
    [
      "a role that API Gateway may not assume",
      { role: trusting("lambda.amazonaws.com") },
      "CredentialsArn",
      "apigateway.amazonaws.com may not assume the role arn:aws:iam::000000000000:role/Demo-Role; its AssumeRolePolicyDocument allows lambda.amazonaws.com",
    ],
    [
      "a role that nobody may assume",
      { role: { AssumeRolePolicyDocument: {} } },
      "CredentialsArn",
      "allows nobody",
    ],
    [
      "a role to be assumed on conditions",
      { role: trusting("apigateway.amazonaws.com", { Condition: {} }) },
      "AssumeRolePolicyDocument.Statement[0].Condition",
      "cannot run",
    ],
    [
      "a role to be assumed by users",
      { role: trusting(undefined, { Principal: { AWS: "*" } }) },
      "CredentialsArn",
      "nobody",
    ],
    [
      "a role that denies",
      { role: trusting("apigateway.amazonaws.com", { Effect: "Deny" }) },
      "Statement[0].Effect",
      "Allow only",
    ],
    [
      "$connect",
      { route: { RouteKey: "$connect" } },
      "Route.Properties.Target",
      "functions alone who may connect",
    ],
    [
      "route responses",
      { route: { RouteResponseSelectionExpression: "$default" } },
      "RouteResponseSelectionExpression",
      "functions alone",
    ],
  ])("%s", (_what, changes, where, why) => {
    const reading = () => apisOf(changes);
    expect(reading).toThrow(
      expect.objectContaining({ name: "TemplateError", where: expect.stringContaining(where) }),
    );
    expect(reading).toThrow(why);
  });

  test("a role may trust several services", () => {
    expect(apisOf({ role: trusting(["lambda.amazonaws.com", "apigateway.amazonaws.com"]) })).toHaveLength(1);
  });
});
