/** AWS::SQS::Queue of a template. */
import type { QueueModel } from "../model.ts";
import { TemplateError } from "./errors.ts";
import type { Resource, Stack } from "./stack.ts";
import { onlyKnown, optionalBoolean } from "./values.ts";

/** Standard queues, which are all that Lambda's failure destinations can be; nothing reads them here. */
export function readQueues(resources: readonly Resource[], stack: Stack): QueueModel[] {
  return resources
    .filter(({ type }) => type === "AWS::SQS::Queue")
    .map(({ logicalId, properties }) => {
      onlyKnown(
        properties,
        ["FifoQueue", "QueueName"],
        [
          "KmsDataKeyReusePeriodSeconds",
          "KmsMasterKeyId",
          "MessageRetentionPeriod",
          "SqsManagedSseEnabled",
          "Tags",
          "VisibilityTimeout",
        ],
      );
      if (optionalBoolean(properties, "FifoQueue") === true) {
        throw new TemplateError(
          `${properties.where}.FifoQueue`,
          "the local cloud has queues for failed events only, and Lambda sends these to standard queues alone",
        );
      }
      const arn = stack.attribute(logicalId, "Arn");
      return { logicalId, name: stack.attribute(logicalId, "QueueName"), arn };
    });
}
