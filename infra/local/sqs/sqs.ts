/**
 * The emulated SQS: real SDK clients call it by SQS's JSON protocol, and IAM is asked about each call.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
 */
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Faults } from "../faults.ts";
import { type HttpRequest, type HttpResponse, serve } from "../http.ts";
import { AuthError, authErrorResponse } from "../iam/errors.ts";
import type { Iam, SignedCaller } from "../iam/iam.ts";
import { SqsError } from "./errors.ts";
import { OPERATIONS, queueNameOf } from "./operations.ts";
import { type Input, parseInput, refuseUnknown, requiredText } from "./parameters.ts";
import type { Queues } from "./queues.ts";

export interface SqsOptions {
  readonly region: string;
  readonly account: string;
  readonly queues: Queues;
  readonly iam: Iam;
  /** What went wrong in the emulation itself. */
  readonly onError: (error: unknown) => void;
  /** Happen to the instances that call. @default none */
  readonly faults?: Faults;
}

export interface LocalSqs {
  /** Where the SDK finds it: the value of `AWS_ENDPOINT_URL_SQS`. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Starts the endpoint of the queues. */
export async function createSqs(options: SqsOptions): Promise<LocalSqs> {
  const stopping = new AbortController();
  // Each receive that waits listens; Node.js takes more than ten for a leak.
  setMaxListeners(0, stopping.signal);
  const front = await serve(
    (request) => handle(request, { ...options, endpoint: () => front.endpoint, signal: stopping.signal }),
    options.onError,
    options.faults,
  );
  return {
    endpoint: front.endpoint,
    async stop() {
      stopping.abort();
      options.queues.stop();
      await front.close();
    },
  };
}

interface Context extends SqsOptions {
  readonly endpoint: () => string;
  readonly signal: AbortSignal;
}

async function handle(request: HttpRequest, context: Context): Promise<HttpResponse> {
  try {
    const target = request.headers["x-amz-target"];
    const operation = typeof target === "string" ? (/^AmazonSQS\.(\w+)$/.exec(target)?.[1] ?? "") : "";
    if (request.method !== "POST" || operation === "") {
      throw new SqsError(
        "UnknownOperationException",
        `The local cloud speaks SQS's JSON protocol: POST with X-Amz-Target AmazonSQS.<operation>, got ${request.method} with ${String(target)}.`,
      );
    }
    const caller = context.iam.authenticate(request);
    const output = await run(operation, parseInput(request.body), caller, context);
    return respond(200, output);
  } catch (error) {
    if (error instanceof AuthError) return authErrorResponse(error, "sqs");
    if (!(error instanceof SqsError)) throw error;
    const { qualifiedType, queryCode, message, status } = error;
    return respond(
      status,
      { __type: qualifiedType, message },
      { "x-amzn-query-error": `${queryCode};Sender` },
    );
  }
}

async function run(
  operation: string,
  input: Input,
  caller: SignedCaller,
  { queues, region, account, endpoint, signal }: Context,
): Promise<Record<string, unknown>> {
  const arnOf = (name: string): string => `arn:aws:sqs:${region}:${account}:${name}`;
  if (operation === "GetQueueUrl") {
    refuseUnknown(operation, input, ["QueueName", "QueueOwnerAWSAccountId"]);
    const name = requiredText(input, "QueueName");
    const opened = queues.open(caller, operation, arnOf(name));
    queues.report(opened, operation, { messageIds: [] });
    return { QueueUrl: localUrl(endpoint(), account, name) };
  }
  const known = OPERATIONS[operation];
  if (known === undefined) {
    throw new SqsError(
      "UnknownOperationException",
      `The local cloud does not run ${operation} of SQS; it runs ${Object.keys(OPERATIONS).join(", ")}, GetQueueUrl.`,
    );
  }
  const opened = queues.open(caller, known.action, arnOf(queueNameOf(input)));
  return await known.run({ queues, opened, input, signal });
}

/** Of a queue here. The SDK sends to the host of a queue's URL, so it must not be AWS's. */
export function localUrl(endpoint: string, account: string, name: string): string {
  return `${endpoint}/${account}/${name}`;
}

function respond(
  status: number,
  output: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return {
    status,
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amzn-requestid": randomUUID(),
      ...headers,
    },
    body: JSON.stringify(output),
  };
}
