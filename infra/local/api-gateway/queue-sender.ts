import type { Caller } from "../model.ts";

/** SQS, as API Gateway calls it. */
export interface QueueSender {
  /**
   * Checks the caller's right to `sqs:SendMessage`, and what SQS checks. Never throws for what SQS refuses. The message is in the
   * queue when it returns: who sends one after the other sends in that order.
   */
  send(
    queueArn: string,
    message: {
      readonly body: string;
      readonly groupId?: string | undefined;
      readonly deduplicationId?: string | undefined;
    },
    principal: Caller & { readonly functionName?: string; readonly requestId?: string },
  ): { readonly sent: unknown } | { readonly error: SendFailure };
}

export interface SendFailure {
  /** HTTP status. */
  readonly status: number;
  /** Of SQS's query protocol, such as `AccessDenied` or `RequestThrottled`. */
  readonly code: string;
  readonly message: string;
}

/** Where a template has no queue. */
export const NO_QUEUES: QueueSender = {
  send: () => ({
    error: {
      status: 400,
      code: "AWS.SimpleQueueService.NonExistentQueue",
      message: "The specified queue does not exist.",
    },
  }),
};
