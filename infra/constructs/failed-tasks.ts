import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import type { FunctionOptions } from "aws-cdk-lib/aws-lambda";
import { type IQueue, Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

/** As long as SQS keeps anything. */
const RETENTION = Duration.days(14);

/** Where Lambda puts the asynchronous events of our functions that it has given up: with what was asked, and why it failed. */
export function failedTasksQueue(scope: Construct, removalPolicy: RemovalPolicy): Queue {
  return new Queue(scope, "FailedTasks", {
    retentionPeriod: RETENTION,
    // An event of a large room is in its workers' tasks.
    encryption: QueueEncryption.SQS_MANAGED,
    removalPolicy,
  });
}

/** Sends a function's failed events there. CDK's own `SqsDestination` would also grant reading what the queue is like. */
export function failsTo(queue: IQueue): Pick<FunctionOptions, "onFailure"> {
  return { onFailure: { bind: () => ({ destination: queue.queueArn }) } };
}
