/** AWS::Lambda::EventSourceMapping of a template: queues whose messages invoke functions. */
import type { FunctionModel, MappingModel, QueueModel } from "../model.ts";
import { TemplateError } from "./errors.ts";
import type { Resource } from "./stack.ts";
import {
  type Node,
  onlyKnown,
  optionalBoolean,
  optionalInteger,
  optionalNode,
  optionalNumber,
  requiredString,
  stringList,
} from "./values.ts";

/** @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html */
const DEFAULT_POLLERS = 5;
const MAX_POLLERS = 1000;
const MAX_BATCH = 10;

export function readMappings(
  resources: readonly Resource[],
  given: { readonly functions: readonly FunctionModel[]; readonly queues: readonly QueueModel[] },
): MappingModel[] {
  return resources.flatMap(({ type, logicalId, properties }) => {
    if (type !== "AWS::Lambda::EventSourceMapping") return [];
    onlyKnown(
      properties,
      [
        "BatchSize",
        "Enabled",
        "EventSourceArn",
        "FunctionName",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "ProvisionedPollerConfig",
        "ScalingConfig",
      ],
      ["Tags"],
    );
    const queue = queueOf(properties, given.queues);
    const fn = functionOf(properties, given.functions);
    checkTimeouts(properties, queue, fn);
    checkWindow(properties, queue);
    const mapping = {
      logicalId,
      queueArn: queue.arn,
      functionId: fn.logicalId,
      batchSize: batchSizeOf(properties),
      reportsItemFailures: reportsItemFailures(properties),
      ...pollersOf(properties),
    };
    return optionalBoolean(properties, "Enabled") === false ? [] : [mapping];
  });
}

function queueOf(properties: Node, queues: readonly QueueModel[]): QueueModel {
  const sourceArn = requiredString(properties, "EventSourceArn");
  const queue = queues.find(({ arn }) => arn === sourceArn);
  if (queue !== undefined) return queue;
  throw new TemplateError(
    `${properties.where}.EventSourceArn`,
    `the local cloud maps queues of this template only, got "${sourceArn}"`,
  );
}

function functionOf(properties: Node, functions: readonly FunctionModel[]): FunctionModel {
  const name = requiredString(properties, "FunctionName");
  const fn = functions.find((each) => each.name === name || each.arn === name);
  if (fn !== undefined) return fn;
  throw new TemplateError(`${properties.where}.FunctionName`, `this template has no function "${name}"`);
}

/** Lambda refuses such a mapping, in these words. @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
function checkTimeouts({ where }: Node, queue: QueueModel, fn: FunctionModel): void {
  if (queue.visibilityTimeoutSec >= fn.timeoutSec) return;
  throw new TemplateError(
    where,
    `Queue visibility timeout: ${queue.visibilityTimeoutSec} seconds is less than Function timeout: ${fn.timeoutSec} seconds`,
  );
}

function checkWindow(properties: Node, queue: QueueModel): void {
  const seconds = optionalNumber(properties, "MaximumBatchingWindowInSeconds") ?? 0;
  if (seconds === 0) return;
  throw new TemplateError(
    `${properties.where}.MaximumBatchingWindowInSeconds`,
    queue.fifo
      ? "Batching window is not supported for FIFO queues"
      : "the local cloud runs no batching windows",
  );
}

function batchSizeOf(properties: Node): number {
  const size = optionalNumber(properties, "BatchSize") ?? MAX_BATCH;
  if (Number.isInteger(size) && size >= 1 && size <= MAX_BATCH) return size;
  throw new TemplateError(
    `${properties.where}.BatchSize`,
    `without a batching window, and of a FIFO queue, 1 to ${MAX_BATCH} is allowed, got ${size}`,
  );
}

function reportsItemFailures(properties: Node): boolean {
  const types = stringList(properties, "FunctionResponseTypes");
  const unknown = types.find((type) => type !== "ReportBatchItemFailures");
  if (unknown === undefined) return types.length > 0;
  throw new TemplateError(
    `${properties.where}.FunctionResponseTypes`,
    `ReportBatchItemFailures is the only type, got "${unknown}"`,
  );
}

function pollersOf(properties: Node): Pick<MappingModel, "maxConcurrency" | "minPollers"> {
  const scaling = optionalNode(properties, "ScalingConfig");
  const provisioned = optionalNode(properties, "ProvisionedPollerConfig");
  if (scaling !== undefined && provisioned !== undefined) {
    throw new TemplateError(
      `${properties.where}.ScalingConfig`,
      "MaximumConcurrency and ProvisionedPollerConfig exclude each other",
    );
  }
  if (provisioned !== undefined) {
    onlyKnown(provisioned, ["MaximumPollers", "MinimumPollers"]);
    return {
      minPollers: optionalInteger(provisioned, "MinimumPollers", [2, 200]) ?? 2,
      maxConcurrency: optionalInteger(provisioned, "MaximumPollers", [2, 2000]) ?? 200,
    };
  }
  if (scaling !== undefined) onlyKnown(scaling, ["MaximumConcurrency"]);
  const maxConcurrency =
    (scaling && optionalInteger(scaling, "MaximumConcurrency", [2, 1000])) ?? MAX_POLLERS;
  return { maxConcurrency, minPollers: Math.min(DEFAULT_POLLERS, maxConcurrency) };
}
