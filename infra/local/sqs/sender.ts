import type { Caller } from "../model.ts";
import type { Outgoing, Sent } from "./message.ts";

/** As whom a service calls: a function, or a service with the rights of a role. */
export interface Principal extends Caller {
  /** What the denial calls it. @default the function's id */
  readonly functionName?: string;
  /** The invocation that calls, for the log of a denial. @default none */
  readonly requestId?: string;
}

/** Why a message was not taken. */
export interface SendFailure {
  /** HTTP status that SQS answers with. */
  readonly status: number;
  /** Such as `AccessDenied`, `InvalidMessageContents` or `RequestThrottled`: the code of SQS's query protocol. */
  readonly code: string;
  readonly message: string;
}

/**
 * SQS as the services in this process call it: Lambda for its failure destinations, and API Gateway for its integrations.
 *
 * `send` checks `sqs:SendMessage` on the queue against the principal's statements (a denial is logged), then what SQS checks,
 * and meters the request. It never throws for what SQS refuses. The message is in the queue when it returns: who sends one
 * after the other sends in that order.
 */
export interface QueueSender {
  send(
    queueArn: string,
    message: Outgoing,
    principal: Principal,
  ): { readonly sent: Sent } | { readonly error: SendFailure };
}
