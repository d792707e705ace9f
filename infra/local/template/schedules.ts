/** AWS::Scheduler::Schedule and scheduled AWS::Events::Rule of a template, as far as they invoke functions at a rate. */
import { decide } from "../iam/decide.ts";
import type { FunctionModel, PolicyStatement, ScheduleModel } from "../model.ts";
import { TemplateError } from "./errors.ts";
import type { Resource, Stack } from "./stack.ts";
import { type Node, nodeList, onlyKnown, optionalNode, optionalString, requiredString } from "./values.ts";

const UNIT_SEC: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400 };

/** That a schedule may invoke a function by its own role, which the function's resource policy knows nothing of. */
export interface ScheduleGrant {
  readonly functionId: string;
  readonly principal: string;
  readonly sourceArn: string;
}

export interface Schedules {
  readonly schedules: readonly ScheduleModel[];
  readonly grants: readonly ScheduleGrant[];
}

export function readSchedules(
  resources: readonly Resource[],
  given: Pick<ScheduleContext, "stack" | "functions" | "roles">,
): Schedules {
  const schedules: ScheduleModel[] = [];
  const grants: ScheduleGrant[] = [];
  for (const resource of resources) {
    if (resource.type === "AWS::Scheduler::Schedule") {
      readSchedule(resource, { ...given, schedules, grants });
    } else if (resource.type === "AWS::Events::Rule") {
      readRule(resource, { ...given, schedules, grants });
    }
  }
  return { schedules, grants };
}

interface ScheduleContext {
  readonly stack: Stack;
  readonly functions: readonly FunctionModel[];
  readonly roles: ReadonlyMap<string, readonly PolicyStatement[]>;
  readonly schedules: ScheduleModel[];
  readonly grants: ScheduleGrant[];
}

function readSchedule({ logicalId, properties }: Resource, context: ScheduleContext): void {
  onlyKnown(
    properties,
    ["ScheduleExpression", "State", "Target"],
    ["Description", "FlexibleTimeWindow", "GroupName", "KmsKeyArn", "Name", "ScheduleExpressionTimezone"],
  );
  const target = optionalNode(properties, "Target");
  if (target === undefined)
    throw new TemplateError(`${properties.where}.Target`, "is required, but not there");
  onlyKnown(target, ["Arn", "Input", "RoleArn"], ["RetryPolicy"]);
  const fn = functionOf(target, context.functions);
  const everySec = rateOf(properties);
  if (optionalString(properties, "State") === "DISABLED") return;
  const functionId = fn.logicalId;
  const source = { principal: "scheduler.amazonaws.com", arn: context.stack.attribute(logicalId, "Arn") };
  context.schedules.push({ logicalId, functionId, everySec, input: inputOf(target), source });
  // The scheduler assumes the role and invokes with its rights; without them the invocation is refused at run time, as on AWS.
  const statements = context.roles.get(requiredString(target, "RoleArn")) ?? [];
  if (decide(statements, "lambda:InvokeFunction", fn.arn).allowed) {
    context.grants.push({ functionId, principal: source.principal, sourceArn: source.arn });
  }
}

function readRule({ logicalId, properties }: Resource, context: ScheduleContext): void {
  onlyKnown(properties, ["ScheduleExpression", "State", "Targets"], ["Description", "Name", "Tags"]);
  const everySec = rateOf(properties);
  if (optionalString(properties, "State") === "DISABLED") return;
  const source = { principal: "events.amazonaws.com", arn: context.stack.attribute(logicalId, "Arn") };
  for (const target of nodeList(properties, "Targets")) {
    onlyKnown(target, ["Arn", "Input"], ["Id", "RetryPolicy"]);
    const functionId = functionOf(target, context.functions).logicalId;
    context.schedules.push({ logicalId, functionId, everySec, input: inputOf(target), source });
  }
}

function functionOf(target: Node, functions: readonly FunctionModel[]): FunctionModel {
  const targetArn = requiredString(target, "Arn");
  const fn = functions.find(({ arn }) => arn === targetArn);
  if (fn !== undefined) return fn;
  throw new TemplateError(
    `${target.where}.Arn`,
    `the local cloud schedules functions of this template only, got "${targetArn}"`,
  );
}

function rateOf(properties: Node): number {
  const expression = requiredString(properties, "ScheduleExpression");
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  const unitSec = UNIT_SEC[unit ?? ""];
  if (unitSec !== undefined && Number(count) > 0) return Number(count) * unitSec;
  throw new TemplateError(
    `${properties.where}.ScheduleExpression`,
    `the local cloud runs rates such as rate(1 minute), got "${expression}"`,
  );
}

function inputOf(target: Node): unknown {
  const input = optionalString(target, "Input");
  if (input === undefined) return {};
  try {
    return JSON.parse(input);
  } catch {
    throw new TemplateError(`${target.where}.Input`, `JSON is expected, got ${input}`);
  }
}
