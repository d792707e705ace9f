import { type Environment, lambdaEndpoint, queueEndpoint } from "../aws/environment.ts";
import { LazyService } from "../aws/lazy-service.ts";
import type { Closer } from "./connections-client.ts";

/**
 * Posts on their way at once. A post takes about 15 ms there and a tenth of a millisecond of CPU here, so that fewer would
 * leave the CPU waiting, and more would only pay for more TLS handshakes.
 */
export const PARALLEL_POSTS = 64;

/** An invocation starts few tasks. */
const PARALLEL_TASKS = 8;

/** A batch has ten messages, of ten connections at most. */
const PARALLEL_OF_A_BATCH = 10;

/** Longer than the function may run that is waited for, in milliseconds. */
const INVOCATION_TIMEOUT_MS = 30_000;

/** Where the stage's connections are managed. Whoever sets the variable means it: a local API Gateway does. */
function managementUrl(callbackUrl: string, env: Environment): string {
  return env.AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI ?? callbackUrl;
}

/** For the posts of {@link createGateway}. */
export function postService(callbackUrl: string, env: Environment): LazyService {
  return new LazyService({
    service: "execute-api",
    endpoint: managementUrl(callbackUrl, env),
    env,
    connections: PARALLEL_POSTS,
  });
}

/**
 * For all else that {@link createGateway} does. Loads the SDK's client when it is first asked for: most invocations close
 * nothing, and it is larger than everything else that a post needs.
 */
export function lazyCloser(callbackUrl: string, env: Environment): () => Promise<Closer> {
  let closer: Promise<Closer> | undefined;
  return () => {
    closer ??= import("./skysocket-connections-client.mjs").then(({ connectionsClient }) =>
      connectionsClient(managementUrl(callbackUrl, env)),
    );
    return closer;
  };
}

/** For {@link createTasks}. */
export function taskService(callbackUrl: string, env: Environment): LazyService {
  return new LazyService({
    service: "lambda",
    endpoint: lambdaEndpoint(env, callbackUrl),
    env,
    connections: PARALLEL_TASKS,
  });
}

/** Lambda, for what {@link createLine} hands over and waits for. */
export function handOverService(callbackUrl: string, env: Environment): LazyService {
  return new LazyService({
    service: "lambda",
    endpoint: lambdaEndpoint(env, callbackUrl),
    env,
    connections: PARALLEL_OF_A_BATCH,
    answerTimeoutMs: INVOCATION_TIMEOUT_MS,
  });
}

/** SQS, for {@link createLine}. */
export function queueService(queueUrl: string, env: Environment): LazyService {
  return new LazyService({
    service: "sqs",
    endpoint: queueEndpoint(env, queueUrl),
    env,
    connections: PARALLEL_OF_A_BATCH,
  });
}
