import { ApiGatewayManagementApiClient } from "@aws-sdk/client-apigatewaymanagementapi";
import { LambdaClient } from "@aws-sdk/client-lambda";

/**
 * Posts on their way at once. A post takes about 15 ms there and half a millisecond of CPU here, so that fewer would leave
 * the CPU waiting, and more would only pay for more TLS handshakes.
 */
export const PARALLEL_POSTS = 64;

/** Milliseconds. Without a way out of a VPC, connecting hangs instead of failing (github aws/aws-sdk-go-v2 issue 1534). */
const CONNECT_TIMEOUT = 1_000;
/** Milliseconds. */
const REQUEST_TIMEOUT = 3_000;

const requestHandler = (maxSockets: number) => ({
  httpsAgent: { keepAlive: true, maxSockets },
  httpAgent: { keepAlive: true, maxSockets },
  connectionTimeout: CONNECT_TIMEOUT,
  requestTimeout: REQUEST_TIMEOUT,
  // Without it the SDK only warns, and waits on.
  throwOnRequestTimeout: true,
});

/** For {@link createGateway}, which retries by itself: the SDK's three tries know neither a deadline nor what "gone" means. */
export function connectionsClient(
  callbackUrl: string,
  env: Readonly<Record<string, string | undefined>>,
): ApiGatewayManagementApiClient {
  return new ApiGatewayManagementApiClient({
    // The SDK heeds this variable only if it is given no endpoint. Whoever sets it means it: a local API Gateway does.
    endpoint: env.AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI ?? callbackUrl,
    maxAttempts: 1,
    requestHandler: requestHandler(PARALLEL_POSTS),
  });
}

/** For {@link createTasks}. An invocation starts few tasks; the SDK's own retries do for them. */
export function lambdaClient(): LambdaClient {
  return new LambdaClient({ requestHandler: requestHandler(8) });
}
