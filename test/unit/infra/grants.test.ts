import { describe, expect, test } from "@jest/globals";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { SkysocketStack } from "../../../infra/stack.ts";

interface PolicyResource {
  readonly Properties: {
    readonly Roles: unknown;
    readonly PolicyDocument: { readonly Statement: readonly Record<string, unknown>[] };
  };
}

const template = (() => {
  const app = new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
    context: { "aws:cdk:bundling-stacks": [] },
  });
  return Template.fromStack(new SkysocketStack(app, "Skysocket", { api: { entry: "lambdas/app.ts" } }));
})();

const onlyId = (type: string): string => {
  const [id, ...others] = Object.keys(template.findResources(type));
  if (id === undefined || others.length > 0) throw new Error(`not exactly one ${type}`);
  return id;
};
const policies: PolicyResource[] = Object.values<PolicyResource>(
  JSON.parse(JSON.stringify(template.findResources("AWS::IAM::Policy"))),
);
const arnOf = (type: string) => ({ "Fn::GetAtt": [onlyId(type), "Arn"] });
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
const allow = (Sid: string, Action: string | string[], Resource: unknown) => ({
  Sid,
  Effect: "Allow",
  Action,
  Resource,
});

describe("what the socket function may do", () => {
  test("exactly this, each right in a statement of its own", () => {
    const table = arnOf("AWS::DynamoDB::Table");
    expect(policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement)).toEqual([
      allow("TableGetItem", "dynamodb:GetItem", table),
      allow("TableBatchGetItem", "dynamodb:BatchGetItem", table),
      allow("TableQuery", "dynamodb:Query", table),
      allow("TablePutItem", "dynamodb:PutItem", table),
      allow("TableUpdateItem", "dynamodb:UpdateItem", table),
      allow("TableDeleteItem", "dynamodb:DeleteItem", table),
      allow("ConnectionPost", "execute-api:ManageConnections", connections("POST")),
      allow("ConnectionDelete", "execute-api:ManageConnections", connections("DELETE")),
      allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], arnOf("AWS::Logs::LogGroup")),
      allow("InvokeSelf", "lambda:InvokeFunction", arnOf("AWS::Lambda::Function")),
    ]);
  });

  test("through one role that only Lambda takes on, without managed or inline policies", () => {
    const role = onlyId("AWS::IAM::Role");
    expect(template.findResources("AWS::IAM::Role")[role]?.Properties).toEqual({
      AssumeRolePolicyDocument: {
        Version: "2012-10-17",
        Statement: [
          { Action: "sts:AssumeRole", Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" } },
        ],
      },
    });
    for (const { Properties } of policies) expect(Properties.Roles).toEqual([{ Ref: role }]);
  });
});
