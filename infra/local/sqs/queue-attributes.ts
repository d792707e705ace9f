import type { Queue } from "./queue.ts";

/** What GetQueueAttributes tells of a queue. */
export function attributesOf(queue: Queue): Readonly<Record<string, string>> {
  const { model } = queue;
  const { fifo, redrive } = model;
  const { visible, inFlight } = queue.counts();
  return {
    QueueArn: model.arn,
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: "0",
    DelaySeconds: "0",
    MaximumMessageSize: String(model.maxMessageBytes),
    MessageRetentionPeriod: String(model.retentionSec),
    ReceiveMessageWaitTimeSeconds: String(model.receiveWaitSec),
    VisibilityTimeout: String(model.visibilityTimeoutSec),
    SqsManagedSseEnabled: "true",
    ...(fifo && {
      FifoQueue: "true",
      ContentBasedDeduplication: String(fifo.contentBasedDeduplication),
      DeduplicationScope: fifo.deduplicationScope,
      FifoThroughputLimit: fifo.throughputLimit,
    }),
    ...(redrive && {
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: redrive.deadLetterArn,
        maxReceiveCount: redrive.maxReceiveCount,
      }),
    }),
  };
}
