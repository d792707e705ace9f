/** What each role may do: its inline policies, the policies attached to it, and AWS's managed ones that we know. */
import type { PolicyCondition, PolicyStatement } from "../model.ts";
import { TemplateError } from "./errors.ts";
import type { Resource, Stack } from "./stack.ts";
import { type Node, nodeList, onlyKnown, optionalNode, requiredString, stringList } from "./values.ts";

/** @see https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html */
const MANAGED: Readonly<Record<string, PolicyStatement>> = {
  "service-role/AWSLambdaBasicExecutionRole": {
    effect: "Allow",
    actions: ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    resources: ["*"],
  },
  "service-role/AmazonAPIGatewayPushToCloudWatchLogs": {
    effect: "Allow",
    actions: [
      "logs:CreateLogGroup",
      "logs:CreateLogStream",
      "logs:DescribeLogGroups",
      "logs:DescribeLogStreams",
      "logs:PutLogEvents",
      "logs:GetLogEvents",
      "logs:FilterLogEvents",
    ],
    resources: ["*"],
  },
  AWSXRayDaemonWriteAccess: {
    effect: "Allow",
    actions: [
      "xray:PutTraceSegments",
      "xray:PutTelemetryRecords",
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:GetSamplingStatisticSummaries",
    ],
    resources: ["*"],
  },
};

/** Statements by role ARN. */
export function rolePolicies(
  resources: readonly Resource[],
  stack: Stack,
): Map<string, readonly PolicyStatement[]> {
  const byName = new Map<string, PolicyStatement[]>();
  const byArn = new Map<string, readonly PolicyStatement[]>();
  for (const { type, logicalId, properties } of resources) {
    if (type !== "AWS::IAM::Role") continue;
    onlyKnown(
      properties,
      ["ManagedPolicyArns", "Policies", "RoleName", "AssumeRolePolicyDocument"],
      ["Description", "Tags", "MaxSessionDuration", "Path"],
    );
    const statements = [
      ...nodeList(properties, "Policies").flatMap(document),
      ...stringList(properties, "ManagedPolicyArns").map((managed) => managedPolicy(managed, properties)),
    ];
    byName.set(stack.ref(logicalId), statements);
    byArn.set(stack.attribute(logicalId, "Arn"), statements);
  }
  for (const { type, properties } of resources) {
    if (type !== "AWS::IAM::Policy") continue;
    onlyKnown(properties, ["PolicyDocument", "PolicyName", "Roles"]);
    for (const role of stringList(properties, "Roles")) {
      const statements = byName.get(role);
      if (statements === undefined) {
        throw new TemplateError(`${properties.where}.Roles`, `this template has no role called "${role}"`);
      }
      statements.push(...document(properties));
    }
  }
  return byArn;
}

function document(policy: Node): PolicyStatement[] {
  const content = optionalNode(policy, "PolicyDocument");
  if (content === undefined) throw new TemplateError(policy.where, "a policy needs a PolicyDocument");
  const single = content.value.Statement;
  const list = Array.isArray(single) ? content : { ...content, value: { Statement: [single] } };
  return nodeList(list, "Statement").map(statement);
}

function statement(node: Node): PolicyStatement {
  // NotAction and NotResource decide who may do what: to ignore one would allow what AWS refuses.
  onlyKnown(node, ["Effect", "Action", "Resource", "Condition"], ["Sid"]);
  const effect = requiredString(node, "Effect");
  if (effect !== "Allow" && effect !== "Deny") {
    throw new TemplateError(`${node.where}.Effect`, `Allow or Deny is expected, got "${effect}"`);
  }
  const conditions = conditionsOf(node);
  return {
    effect,
    actions: stringList(node, "Action"),
    resources: stringList(node, "Resource"),
    ...(conditions.length > 0 && { conditions }),
  };
}

/** Those that the local cloud can decide: to ignore another would allow what AWS refuses. */
function conditionsOf(statementNode: Node): PolicyCondition[] {
  const block = optionalNode(statementNode, "Condition");
  if (block === undefined) return [];
  return Object.keys(block.value).flatMap((written) => {
    const keys = optionalNode(block, written);
    const [, qualifier, operator] = CONDITION_OPERATOR.exec(written) ?? [];
    if (keys === undefined || !isQualifier(qualifier) || !isOperator(operator)) {
      throw new TemplateError(
        `${block.where}.${written}`,
        `the local cloud decides ForAllValues and ForAnyValue of StringEquals and StringLike only, got "${written}"`,
      );
    }
    return Object.keys(keys.value).map((key) => {
      if (key === "dynamodb:LeadingKeys") return { qualifier, operator, key, values: stringList(keys, key) };
      throw new TemplateError(
        `${keys.where}.${key}`,
        `the local cloud decides conditions on dynamodb:LeadingKeys only, got "${key}"`,
      );
    });
  });
}

const CONDITION_OPERATOR = /^(\w+):(\w+)$/;

const isQualifier = (text: string | undefined): text is PolicyCondition["qualifier"] =>
  text === "ForAllValues" || text === "ForAnyValue";

const isOperator = (text: string | undefined): text is PolicyCondition["operator"] =>
  text === "StringEquals" || text === "StringLike";

function managedPolicy(managedArn: string, role: Node): PolicyStatement {
  const name = managedArn.replace(/^arn:aws:iam::aws:policy\//, "");
  const known = MANAGED[name];
  if (known !== undefined) return known;
  throw new TemplateError(
    `${role.where}.ManagedPolicyArns`,
    `the local cloud does not know what the managed policy "${name}" allows; it knows ${Object.keys(MANAGED).join(", ")}`,
  );
}
