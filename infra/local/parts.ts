import type { ApiGateway } from "./api-gateway/api-gateway.ts";
import type { Authorize } from "./api-gateway/context.ts";
import { functionIdOf } from "./api-gateway/routes.ts";
import { createDynamoDb, type DynamoDbOptions, type LocalDynamoDb } from "./dynamodb/dynamodb.ts";
import { LocalCloudError } from "./errors.ts";
import { AuthError } from "./iam/errors.ts";
import type { Iam } from "./iam/iam.ts";
import type { LocalLambda } from "./lambda/lambda.ts";
import type { ApiModel, CloudModel } from "./model.ts";
import type { PublicServer } from "./public-server.ts";
import type { Schedules } from "./schedules.ts";
import type { Mappings } from "./sqs/mappings.ts";
import { Queues, type QueuesOptions } from "./sqs/queues.ts";
import { createSqs, type LocalSqs, localUrl, type SqsOptions } from "./sqs/sqs.ts";

/** The emulated services of one local cloud, and the template that they run. */
export interface Parts {
  readonly model: CloudModel;
  readonly server: PublicServer;
  readonly iam: Iam;
  readonly dynamodb: LocalDynamoDb;
  readonly lambda: LocalLambda;
  readonly gateway: ApiGateway;
  readonly schedules: Schedules;
  readonly queues: Queues;
  readonly sqs: LocalSqs;
  readonly mappings: Mappings;
  readonly timeScale: number;
}

/**
 * Where the SDK finds the emulated services, so that bundles run unchanged; and how much faster than the clock AWS's long waits
 * pass, for a function that keeps pace with them. https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export function environmentOf(parts: Parts, functionId: string): Record<string, string> {
  const { model, server, dynamodb, lambda, sqs, timeScale } = parts;
  const own = model.apis.find(({ routes }) => routes.some((route) => functionIdOf(route) === functionId));
  return {
    // Lambda runs the Node.js that the template names. The one on this machine may be older, which is no news for a function's log.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb.endpoint,
    AWS_ENDPOINT_URL_LAMBDA: lambda.endpoint,
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    ...queueUrls(parts, functionId),
    AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI: `${server.url}/${(own ?? apiOf(model)).stage}`,
    ...(timeScale !== 1 && { SKYSOCKET_TIME_SCALE: String(timeScale) }),
  };
}

/**
 * The function's variables that hold the URL of a queue. The SDK sends to the host of such a URL rather than to
 * AWS_ENDPOINT_URL_SQS, so AWS's would lead out of this machine.
 */
function queueUrls({ model, sqs }: Parts, functionId: string): Record<string, string> {
  const { environment = {} } = model.functions.find(({ logicalId }) => logicalId === functionId) ?? {};
  const entries = Object.entries(environment).flatMap(([name, value]): [string, string][] => {
    const queue = model.queues.find(({ url }) => url === value);
    return queue === undefined ? [] : [[name, localUrl(sqs.endpoint, model.account, queue.name)]];
  });
  return Object.fromEntries(entries);
}

/** The embedded DynamoDB, or the one at `endpoint`. */
export async function startDynamoDb(
  options: Omit<DynamoDbOptions, "endpoint">,
  endpoint: string | undefined,
): Promise<LocalDynamoDb> {
  if (endpoint === undefined) return await createDynamoDb(options);
  try {
    return await createDynamoDb({ ...options, endpoint });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new LocalCloudError(
      "DYNAMODB_UNUSABLE",
      `The tables cannot be kept in the DynamoDB at ${endpoint}: ${why}. Start it, or leave the option out to use the embedded one.`,
      { cause: error },
    );
  }
}

/** The queues of the template, and their endpoint. */
export async function startQueues(
  { region, account, queues: models }: CloudModel,
  options: Omit<QueuesOptions, "queues"> & Omit<SqsOptions, "queues" | "region" | "account">,
): Promise<{ readonly queues: Queues; readonly sqs: LocalSqs }> {
  const queues = new Queues({ ...options, queues: models });
  return { queues, sqs: await createSqs({ ...options, region, account, queues }) };
}

/** The API that clients are told of: the first of the template. */
export function apiOf(model: CloudModel): ApiModel {
  const [api] = model.apis;
  if (api !== undefined) return api;
  throw new LocalCloudError(
    "NO_API",
    "The template has no WebSocket API with a stage, so there is nothing to connect to.",
  );
}

/** IAM as API Gateway asks it. */
export function authorizer(iam: Iam): Authorize {
  return (request, action, resource) => {
    try {
      const caller = iam.authenticate(request);
      iam.authorize(caller, action, resource);
      return { allowed: true, caller, requestId: caller.requestId };
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      return { allowed: false, errorType: error.type, message: error.message };
    }
  };
}
