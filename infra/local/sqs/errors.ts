/**
 * What SQS refuses, named as its JSON protocol names it. `queryCode` is the name of before that protocol, which the SDK shows
 * as the error's code.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-api-responses.html
 */
interface ErrorKind {
  readonly queryCode: string;
  readonly namespace: "com.amazonaws.sqs" | "com.amazon.coral.service";
  readonly status: number;
}

const own = (queryCode: string, status = 400): ErrorKind => ({
  queryCode,
  namespace: "com.amazonaws.sqs",
  status,
});
const common = (queryCode: string): ErrorKind => ({
  queryCode,
  namespace: "com.amazon.coral.service",
  status: 400,
});

const KINDS = {
  BatchEntryIdsNotDistinct: own("AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
  BatchRequestTooLong: own("AWS.SimpleQueueService.BatchRequestTooLong"),
  EmptyBatchRequest: own("AWS.SimpleQueueService.EmptyBatchRequest"),
  InvalidAttributeName: own("InvalidAttributeName"),
  InvalidBatchEntryId: own("AWS.SimpleQueueService.InvalidBatchEntryId"),
  InvalidMessageContents: own("InvalidMessageContents"),
  QueueDoesNotExist: own("AWS.SimpleQueueService.NonExistentQueue"),
  ReceiptHandleIsInvalid: own("ReceiptHandleIsInvalid"),
  RequestThrottled: own("RequestThrottled", 403),
  TooManyEntriesInBatchRequest: own("AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
  UnsupportedOperation: own("AWS.SimpleQueueService.UnsupportedOperation"),
  InvalidParameterValueException: common("InvalidParameterValue"),
  MissingRequiredParameterException: common("MissingParameter"),
  SerializationException: common("SerializationException"),
  UnknownOperationException: common("InvalidAction"),
} as const satisfies Readonly<Record<string, ErrorKind>>;

export type SqsErrorType = keyof typeof KINDS;

/** A request that SQS refuses. */
export class SqsError extends Error {
  override readonly name = "SqsError";
  readonly type: SqsErrorType;
  /** How an entry of a batch that is refused for this tells it. */
  readonly inBatch: { readonly code: string; readonly message: string };

  constructor(
    type: SqsErrorType,
    message: string,
    inBatch: SqsError["inBatch"] = { code: KINDS[type].queryCode, message },
  ) {
    super(message);
    this.type = type;
    this.inBatch = inBatch;
  }

  get queryCode(): string {
    return KINDS[this.type].queryCode;
  }

  /** HTTP status. */
  get status(): number {
    return KINDS[this.type].status;
  }

  /** As in `__type`. */
  get qualifiedType(): string {
    return `${KINDS[this.type].namespace}#${this.type}`;
  }
}

/** A parameter's value that SQS does not take, in its words. */
export function invalidValue(parameter: string, value: unknown, reason: string): SqsError {
  return new SqsError(
    "InvalidParameterValueException",
    `Value ${String(value)} for parameter ${parameter} is invalid. Reason: ${reason}`,
  );
}

/** A FIFO queue deletes nothing whose visibility timeout is over. A batch has another name for it than a single deletion. */
export function expiredHandle(receipt: string): SqsError {
  const reason = "The receipt handle has expired";
  const { message } = invalidValue("ReceiptHandle", receipt, `${reason}.`);
  return new SqsError("InvalidParameterValueException", message, {
    code: "ReceiptHandleIsInvalid",
    message: reason,
  });
}

export function missingParameter(parameter: string): SqsError {
  return new SqsError(
    "MissingRequiredParameterException",
    `The request must contain the parameter ${parameter}.`,
  );
}
