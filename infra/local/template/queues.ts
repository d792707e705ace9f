/** AWS::SQS::Queue and AWS::SQS::QueuePolicy of a template. */
import type { FifoModel, QueueModel } from "../model.ts";
import { TemplateError } from "./errors.ts";
import type { Resource, Stack } from "./stack.ts";
import {
  type Node,
  nodeList,
  onlyKnown,
  optionalBoolean,
  optionalInteger,
  optionalNode,
  optionalString,
  requiredString,
  stringList,
} from "./values.ts";

const FIFO_ONLY = ["ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"];
const RUN = [
  ...FIFO_ONLY,
  "FifoQueue",
  "MaximumMessageSize",
  "MessageRetentionPeriod",
  "QueueName",
  "ReceiveMessageWaitTimeSeconds",
  "RedriveAllowPolicy",
  "RedrivePolicy",
  "VisibilityTimeout",
];
const HARMLESS = ["KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "SqsManagedSseEnabled", "Tags"];

export function readQueues(resources: readonly Resource[], stack: Stack): QueueModel[] {
  checkPolicies(resources);
  const declared = resources.filter(({ type }) => type === "AWS::SQS::Queue");
  const queues = declared.map(({ logicalId, properties }) => {
    onlyKnown(properties, RUN, HARMLESS);
    const fifo = fifoOf(properties);
    return {
      logicalId,
      name: nameOf(stack.attribute(logicalId, "QueueName"), properties, fifo !== undefined),
      arn: stack.attribute(logicalId, "Arn"),
      url: stack.ref(logicalId),
      ...(fifo && { fifo }),
      // @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
      visibilityTimeoutSec: optionalInteger(properties, "VisibilityTimeout", [0, 43_200]) ?? 30,
      retentionSec: optionalInteger(properties, "MessageRetentionPeriod", [60, 1_209_600]) ?? 345_600,
      maxMessageBytes: optionalInteger(properties, "MaximumMessageSize", [1024, 1_048_576]) ?? 1_048_576,
      receiveWaitSec: optionalInteger(properties, "ReceiveMessageWaitTimeSeconds", [0, 20]) ?? 0,
      ...redriveOf(properties),
    };
  });
  for (const { properties } of declared) checkDeadLetters(properties, queues, declared, stack);
  return queues;
}

function nameOf(name: string, properties: Node, isFifo: boolean): string {
  const where = `${properties.where}.QueueName`;
  if (isFifo !== name.endsWith(".fifo")) {
    const rule = isFifo ? "of a FIFO queue must end in .fifo" : "may end in .fifo only with FifoQueue";
    throw new TemplateError(where, `the name ${rule}, got "${name}"`);
  }
  if (/^[A-Za-z0-9_-]+(\.fifo)?$/.test(name) && name.length <= 80) return name;
  throw new TemplateError(
    where,
    `1 to 80 letters, digits, hyphens and underscores are allowed (and .fifo), got "${name}"`,
  );
}

function fifoOf(properties: Node): FifoModel | undefined {
  if (optionalBoolean(properties, "FifoQueue") !== true) {
    const wrong = FIFO_ONLY.find((name) => properties.value[name] !== undefined);
    if (wrong === undefined) return undefined;
    throw new TemplateError(`${properties.where}.${wrong}`, "is for queues with FifoQueue: true only");
  }
  const scope = oneOf(properties, "DeduplicationScope", ["queue", "messageGroup"] as const);
  const limit = oneOf(properties, "FifoThroughputLimit", ["perQueue", "perMessageGroupId"] as const);
  if (limit === "perMessageGroupId" && scope !== "messageGroup") {
    throw new TemplateError(
      `${properties.where}.FifoThroughputLimit`,
      "perMessageGroupId is allowed only when the value for DeduplicationScope is messageGroup",
    );
  }
  return {
    contentBasedDeduplication: optionalBoolean(properties, "ContentBasedDeduplication") ?? false,
    deduplicationScope: scope,
    throughputLimit: limit,
  };
}

/** One of the values; the first where none is given. */
function oneOf<T extends string>(properties: Node, key: string, [first, ...others]: readonly [T, ...T[]]): T {
  const given = optionalString(properties, key);
  const value = given === undefined ? first : [first, ...others].find((each) => each === given);
  if (value !== undefined) return value;
  throw new TemplateError(
    `${properties.where}.${key}`,
    `${[first, ...others].join(" or ")} is expected, got "${given}"`,
  );
}

function redriveOf(properties: Node): Pick<QueueModel, "redrive"> {
  const policy = optionalNode(properties, "RedrivePolicy");
  if (policy === undefined) return {};
  onlyKnown(policy, ["deadLetterTargetArn", "maxReceiveCount"]);
  const maxReceiveCount = optionalInteger(policy, "maxReceiveCount", [1, 1000]);
  if (maxReceiveCount === undefined) {
    throw new TemplateError(`${policy.where}.maxReceiveCount`, "is required, but not there");
  }
  return { redrive: { deadLetterArn: requiredString(policy, "deadLetterTargetArn"), maxReceiveCount } };
}

/** That the dead letters of this queue have a queue of the same type, which takes them. */
function checkDeadLetters(
  properties: Node,
  queues: readonly QueueModel[],
  declared: readonly Resource[],
  stack: Stack,
): void {
  const policy = optionalNode(properties, "RedrivePolicy");
  if (policy === undefined) return;
  const targetArn = requiredString(policy, "deadLetterTargetArn");
  const where = `${policy.where}.deadLetterTargetArn`;
  const target = queues.find(({ arn }) => arn === targetArn);
  const own = queues.find(({ logicalId }) => properties.where.startsWith(`Resources.${logicalId}.`));
  if (target === undefined || own === undefined) {
    throw new TemplateError(where, `this template has no queue "${targetArn}"`);
  }
  if ((target.fifo === undefined) !== (own.fifo === undefined)) {
    throw new TemplateError(where, "Dead-letter queue must be same type of queue as the source.");
  }
  const resource = declared.find(({ logicalId }) => stack.attribute(logicalId, "Arn") === targetArn);
  const allow = resource && optionalNode(resource.properties, "RedriveAllowPolicy");
  if (allow === undefined) return;
  onlyKnown(allow, ["redrivePermission", "sourceQueueArns"]);
  const permission = oneOf(allow, "redrivePermission", ["allowAll", "denyAll", "byQueue"] as const);
  const isAllowed =
    permission === "allowAll" ||
    (permission === "byQueue" && stringList(allow, "sourceQueueArns").includes(own.arn));
  if (isAllowed) return;
  throw new TemplateError(where, `the RedriveAllowPolicy of ${target.name} does not let ${own.name} use it`);
}

/**
 * A resource policy would have to be decided with each call. The one that runs is that of `enforceSSL`: calls here count as
 * encrypted, as all to AWS are, so that it never denies any.
 */
function checkPolicies(resources: readonly Resource[]): void {
  for (const { type, properties } of resources) {
    if (type !== "AWS::SQS::QueuePolicy") continue;
    onlyKnown(properties, ["PolicyDocument", "Queues"]);
    const document = optionalNode(properties, "PolicyDocument");
    for (const statement of document ? nodeList(document, "Statement") : []) {
      const { Effect, Condition } = statement.value;
      if (Effect === "Deny" && JSON.stringify(Condition) === '{"Bool":{"aws:SecureTransport":"false"}}')
        continue;
      throw new TemplateError(
        statement.where,
        "the local cloud runs no policies of queues but the one that denies calls without aws:SecureTransport; give the caller's role the right instead",
      );
    }
  }
}
