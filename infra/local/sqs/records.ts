import type { Received } from "./message.ts";

export interface BatchRecord extends Received {
  readonly messageAttributes: Readonly<Record<string, never>>;
  readonly eventSource: "aws:sqs";
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}

export interface BatchEvent {
  readonly Records: readonly BatchRecord[];
}

/**
 * The event with which a mapping invokes its function.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */
export function eventOf(messages: readonly Received[], queueArn: string): BatchEvent {
  const awsRegion = queueArn.split(":")[3] ?? "";
  return {
    Records: messages.map(({ messageId, receiptHandle, body, attributes, md5OfBody }) => ({
      messageId,
      receiptHandle,
      body,
      attributes,
      messageAttributes: {},
      md5OfBody,
      eventSource: "aws:sqs",
      eventSourceARN: queueArn,
      awsRegion,
    })),
  };
}
