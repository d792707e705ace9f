import { withBackoff } from "../aws/backoff.ts";
import type { Service } from "../aws/service.ts";
import type { Clock } from "../server/ports/environment.ts";
import type { Line, LineReceipt, OutgoingLineMessage } from "../server/ports/line.ts";
import { GatewayError } from "./errors.ts";
import { httpStatusOf, mayPass } from "./failures.ts";
import { invocationsOf } from "./tasks.ts";

/** What SQS takes at once. */
const BATCH = 10;
/** For how long a request is tried again when SQS is busy or failing, in milliseconds. */
const QUEUE_DEADLINE_MS = 5_000;
/** For how long another instance is asked for where Lambda has none, in milliseconds. */
const HAND_OVER_DEADLINE_MS = 1_000;

export interface LineOptions {
  /** SQS. Sends each request once. */
  readonly queues: Pick<Service, "post">;
  /** Lambda, waiting for as long as a function may run. */
  readonly functions: Pick<Service, "post">;
  readonly queueUrl: string;
  readonly deadLettersUrl: string;
  /** The function that works through the queue. */
  readonly functionName: string;
  readonly clock: Pick<Clock, "now" | "sleep">;
  /** In [0, 1), for the jitter of retries. @default Math.random */
  readonly random?: () => number;
}

/** The queue by SQS's JSON protocol, and other instances by synchronous invocations. */
export function createLine(options: LineOptions): Line {
  const { queueUrl, deadLettersUrl } = options;
  const ask = (action: string, body: object) => request(options, action, body);
  const ofAll = async (
    action: string,
    messages: readonly LineReceipt[],
    entry: (id: string, message: LineReceipt) => object,
  ): Promise<void> => {
    const batches = Array.from({ length: Math.ceil(messages.length / BATCH) }, (_, i) =>
      messages.slice(i * BATCH, (i + 1) * BATCH),
    );
    await Promise.all(
      batches.map(async (batch) => {
        const Entries = batch.map((message, i) => entry(String(i), message));
        assertAll(action, await ask(action, { QueueUrl: queueUrl, Entries }));
      }),
    );
  };
  const send = async (
    url: string,
    { connectionId, id, body, isAlone }: OutgoingLineMessage,
  ): Promise<void> => {
    const MessageGroupId = isAlone ? id : connectionId;
    await ask("SendMessage", {
      ...{ QueueUrl: url, MessageBody: body, MessageGroupId, MessageDeduplicationId: id },
    });
  };
  return {
    remove: (messages) =>
      ofAll("DeleteMessageBatch", messages, (Id, { receipt }) => ({ Id, ReceiptHandle: receipt })),
    hide: (messages, ms) =>
      ofAll("ChangeMessageVisibilityBatch", messages, (Id, { receipt }) => ({
        ...{ Id, ReceiptHandle: receipt, VisibilityTimeout: Math.ceil(ms / 1_000) },
      })),
    send: (message) => send(queueUrl, message),
    bury: (message) => send(deadLettersUrl, message),
    handOver: (records) => handOver(options, records),
  };
}

/** @throws GatewayError when SQS refuses, or does not answer for too long */
async function request(
  { queues, clock, random = Math.random }: LineOptions,
  action: string,
  body: object,
): Promise<unknown> {
  const post = () =>
    queues.post({
      path: "/",
      headers: { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${action}` },
      body: Buffer.from(JSON.stringify(body)),
    });
  try {
    // Also when it may have been done: all of these can be done twice.
    const how = { clock, deadlineMs: QUEUE_DEADLINE_MS, random, retries: mayPass };
    const { text } = await withBackoff(post, how);
    return text === "" ? {} : JSON.parse(text);
  } catch (error) {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    throw new GatewayError("GATEWAY_QUEUE_REFUSED", `${action} of the line's queue failed: ${said}`, {
      cause: error,
    });
  }
}

/** One that is not there any more is as good as done. */
function assertAll(action: string, answer: unknown): void {
  const { Failed: failed }: { readonly Failed?: unknown } = Object(answer);
  const [first] = Array.isArray(failed) ? failed : [];
  if (first === undefined) return;
  const { Code: code, Message: message }: { readonly Code?: unknown; readonly Message?: unknown } =
    Object(first);
  throw new GatewayError(
    "GATEWAY_QUEUE_REFUSED",
    `${action} of the line's queue failed for one message: ${String(code)}: ${String(message)}`,
  );
}

async function handOver(
  { functions, functionName, clock, random = Math.random }: LineOptions,
  records: readonly unknown[],
): Promise<readonly string[] | "busy"> {
  const call = () =>
    functions.post({
      path: invocationsOf(functionName),
      headers: { "content-type": "application/json", "x-amz-invocation-type": "RequestResponse" },
      body: Buffer.from(JSON.stringify({ task: "line", Records: records })),
    });
  const isBusy = (error: unknown): boolean => httpStatusOf(error) === 429;
  try {
    const { headers, text } = await withBackoff(call, {
      ...{ clock, deadlineMs: HAND_OVER_DEADLINE_MS, random, retries: isBusy },
    });
    if (headers["x-amz-function-error"] !== undefined) {
      throw new GatewayError("GATEWAY_TASK_REFUSED", `An instance that was handed messages failed: ${text}`);
    }
    return failuresOf(text);
  } catch (error) {
    if (isBusy(error)) return "busy";
    throw error;
  }
}

function failuresOf(text: string): readonly string[] {
  const { batchItemFailures: failures }: { readonly batchItemFailures?: unknown } = Object(JSON.parse(text));
  if (!Array.isArray(failures)) throw new Error(`an instance that was handed messages answered ${text}`);
  return failures.map((failure: unknown) => {
    const { itemIdentifier }: { readonly itemIdentifier?: unknown } = Object(failure);
    return String(itemIdentifier);
  });
}
