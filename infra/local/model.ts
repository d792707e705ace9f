/**
 * The part of a synthesized CloudFormation template that the local cloud runs, with every intrinsic resolved. `template/load.ts`
 * makes it from the assembly; each emulated service takes its own part and knows nothing of CloudFormation.
 */

/** One statement of an IAM policy, lists normalized to arrays; ARNs have the local region and account. */
export interface PolicyStatement {
  readonly effect: "Allow" | "Deny";
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** All of them have to hold. @default none */
  readonly conditions?: readonly PolicyCondition[];
}

/** A condition on a key that a request has any number of values of. */
export interface PolicyCondition {
  readonly qualifier: "ForAllValues" | "ForAnyValue";
  readonly operator: "StringEquals" | "StringLike";
  readonly key: "dynamodb:LeadingKeys";
  readonly values: readonly string[];
}

/** What a request says to the keys of conditions. */
export type ConditionContext = Readonly<Partial<Record<PolicyCondition["key"], readonly string[]>>>;

export interface FunctionModel {
  readonly logicalId: string;
  /** What `Ref` gives and `AWS_LAMBDA_FUNCTION_NAME` holds. */
  readonly name: string;
  readonly arn: string;
  /** Absolute directory of the unpacked bundle. */
  readonly codeDir: string;
  /** As in the template, such as `index.handler`. */
  readonly handler: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutSec: number;
  readonly memoryMb: number;
  /** Name of the log group that it writes to; `/aws/lambda/<name>` where there is none. */
  readonly logGroup?: string;
  /** What the function's role allows and denies: inline policies, attached policies and known managed ones. */
  readonly statements: readonly PolicyStatement[];
  /** Of AWS::Lambda::EventInvokeConfig; AWS's defaults 2 and 21,600 where there is none. */
  readonly asyncRetries: number;
  readonly asyncMaxAgeSec: number;
  /** ARN of the queue that gets the asynchronous events that are given up. @default they are lost */
  readonly onFailure?: string;
  /** How many invocations run at once at most, of the account's. @default as many as the account has left */
  readonly reservedConcurrency?: number;
  /** Who may invoke it by resource policy (AWS::Lambda::Permission). */
  readonly permissions: readonly { readonly principal: string; readonly sourceArn: string | undefined }[];
}

export interface QueueModel {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** What `Ref` gives. */
  readonly url: string;
  /** @default a standard queue */
  readonly fifo?: FifoModel;
  readonly visibilityTimeoutSec: number;
  readonly retentionSec: number;
  readonly maxMessageBytes: number;
  /** How long a receive waits for messages when it does not say so itself. */
  readonly receiveWaitSec: number;
  /** Where messages go that were received too often. @default nowhere */
  readonly redrive?: { readonly deadLetterArn: string; readonly maxReceiveCount: number };
}

export interface FifoModel {
  /** Messages without a deduplication id get the hash of their body as one. */
  readonly contentBasedDeduplication: boolean;
  readonly deduplicationScope: "queue" | "messageGroup";
  /** To what the 300 calls a second of each action apply. */
  readonly throughputLimit: "perQueue" | "perMessageGroupId";
}

/** A queue whose messages invoke a function (AWS::Lambda::EventSourceMapping). */
export interface MappingModel {
  readonly logicalId: string;
  readonly queueArn: string;
  /** Logical id of the function. */
  readonly functionId: string;
  readonly batchSize: number;
  /** The function answers with the messages that it could not handle (`ReportBatchItemFailures`). */
  readonly reportsItemFailures: boolean;
  /** How many batches are handled at once at most. */
  readonly maxConcurrency: number;
  /** How many pollers there are when nothing happens. */
  readonly minPollers: number;
}

export interface TableModel {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** CreateTable's own input, as the template's properties say. */
  readonly createTable: Readonly<Record<string, unknown>>;
  readonly ttlAttribute: string | undefined;
}

export interface RouteModel {
  /** `$connect`, `$disconnect`, `$default` or a custom key. */
  readonly routeKey: string;
  readonly integration: IntegrationModel;
  /** Two-way: the route has a RouteResponse and a response selection expression. */
  readonly returnsResponse: boolean;
  /** Of $connect alone. @default everyone may connect */
  readonly authorizer?: AuthorizerModel;
}

/** What API Gateway does with a request. */
export type IntegrationModel = LambdaIntegration | SqsIntegration;

/** Invokes a function with the event, and takes its answer (AWS_PROXY). */
export interface LambdaIntegration {
  readonly kind: "lambda";
  /** Logical id. */
  readonly functionId: string;
  readonly timeoutMs: number;
}

/** Sends a message to a queue (AWS, to SendMessage of SQS). */
export interface SqsIntegration {
  readonly kind: "sqs";
  readonly queueArn: string;
  /** As whom: API Gateway assumes this role. */
  readonly role: RoleModel;
  /** In Velocity: makes the request's form. */
  readonly template: string;
  readonly timeoutMs: number;
}

export interface RoleModel {
  readonly arn: string;
  readonly statements: readonly PolicyStatement[];
}

/** A Lambda REQUEST authorizer. */
export interface AuthorizerModel {
  readonly authorizerId: string;
  /** Logical id of the function that decides. */
  readonly functionId: string;
  /** Without any of them the answer is 401, and the function is not asked. */
  readonly identitySources: readonly { readonly from: "header" | "querystring"; readonly name: string }[];
}

export interface ApiModel {
  readonly logicalId: string;
  readonly apiId: string;
  readonly stage: string;
  readonly routeSelectionExpression: string;
  readonly routes: readonly RouteModel[];
  /** Of the stage's default route settings; undefined: only the account's. */
  readonly throttle: { readonly ratePerSec: number; readonly burst: number } | undefined;
}

export interface ScheduleModel {
  readonly logicalId: string;
  readonly functionId: string;
  readonly everySec: number;
  readonly input: unknown;
  /** As whom it invokes: a rule as EventBridge, a schedule as EventBridge Scheduler. */
  readonly source: { readonly principal: string; readonly arn: string };
}

export interface CloudModel {
  readonly region: string;
  readonly account: string;
  readonly functions: readonly FunctionModel[];
  readonly tables: readonly TableModel[];
  readonly queues: readonly QueueModel[];
  readonly mappings: readonly MappingModel[];
  readonly apis: readonly ApiModel[];
  readonly schedules: readonly ScheduleModel[];
  readonly outputs: Readonly<Record<string, string>>;
  /** What constructs warn of. */
  readonly warnings: readonly string[];
}

/** Who signed a request to an emulated service. */
export interface Caller {
  readonly functionId: string;
  readonly statements: readonly PolicyStatement[];
}

/** How an invocation ended, as Lambda's Invoke API tells it. */
export type InvokeResult =
  | { readonly outcome: "ok"; readonly payload: unknown }
  | { readonly outcome: "error"; readonly errorType: string; readonly message: string }
  | { readonly outcome: "timeout" }
  | { readonly outcome: "throttled" };

/** The emulated Lambda service, as the other services see it. */
export interface LambdaService {
  /** `source` is the calling principal and ARN, checked against the function's resource policy. */
  invoke(
    functionId: string,
    event: unknown,
    source: { readonly principal: string; readonly arn: string },
  ): Promise<InvokeResult>;
}

/** One line of a function's log. */
export interface LogLine {
  readonly at: number;
  readonly functionId: string;
  readonly requestId: string;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly text: string;
}

/** One billable or visible thing that happened; the meter counts them, the page shows them. */
export type CloudEvent =
  | {
      readonly kind: "dynamodb";
      readonly at: number;
      readonly functionId: string;
      readonly requestId: string;
      readonly operation: string;
      readonly table: string;
      readonly readUnits: number;
      readonly writeUnits: number;
    }
  | {
      readonly kind: "lambda";
      readonly at: number;
      readonly functionId: string;
      readonly requestId: string;
      /** `REPORT`-like: what was run and how it ended. */
      readonly trigger: string;
      /** API Gateway's id of the request that it answers, if it is one: that of the frame's event. */
      readonly cause?: string | undefined;
      /** Of the queue's messages, if it handled a batch. */
      readonly messageIds?: readonly string[] | undefined;
      readonly durationMs: number;
      /** Of the function: what a second costs. */
      readonly memoryMb?: number | undefined;
      readonly coldStart: boolean;
      readonly outcome: InvokeResult["outcome"];
    }
  | {
      readonly kind: "sqs";
      readonly at: number;
      /** Who called: a function, or the one whose mapping polls; undefined: another service. */
      readonly functionId: string | undefined;
      /** The invocation that called; "" where none did. */
      readonly requestId: string;
      /** As SQS's API calls it; `EmptyReceive` is a receive that got nothing, `DeadLetter` what SQS itself did with a message. */
      readonly operation: QueueOperation;
      /** Its name. */
      readonly queue: string;
      /** Ids of the messages that it was about. */
      readonly messageIds: readonly string[];
      readonly bytes: number;
      /** What is billed: one for each begun 64 KB. */
      readonly requests: number;
      /** A FIFO queue's requests cost more. */
      readonly fifo: boolean;
      /** Entries that were refused. */
      readonly failures: number;
    }
  | {
      readonly kind: "gateway";
      readonly at: number;
      readonly connectionId: string;
      readonly operation:
        | "connect"
        | "message"
        | "disconnect"
        | "post"
        | "get"
        | "delete"
        | "close"
        | "error-frame"
        | "integration-error";
      readonly functionId: string | undefined;
      /** The invocation that a request came from, or that a frame started; undefined: not known. */
      readonly requestId?: string | undefined;
      /** Of what a client does: the id of its request, by which its run is found. */
      readonly cause?: string | undefined;
      readonly bytes: number;
      readonly status: number;
      readonly body: string | undefined;
    };

export type QueueOperation =
  | "SendMessage"
  | "SendMessageBatch"
  | "ReceiveMessage"
  | "EmptyReceive"
  | "DeleteMessage"
  | "DeleteMessageBatch"
  | "ChangeMessageVisibility"
  | "ChangeMessageVisibilityBatch"
  | "GetQueueAttributes"
  | "GetQueueUrl"
  | "DeadLetter";

/** Where the services put what happened. */
export type CloudListener = (event: CloudEvent) => void;
