import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";

/** What is done to a connection besides posting to it. Each call is one try. */
export interface Closer {
  /** @throws Error with the exception's name, or of the network */
  close(connectionId: string): Promise<unknown>;
  /** Ends its HTTP connections. */
  destroy(): void;
}

/** Milliseconds. Without a way out of a VPC, connecting hangs instead of failing (github aws/aws-sdk-go-v2 issue 1534). */
const CONNECT_TIMEOUT = 1_000;
/** Milliseconds. */
const REQUEST_TIMEOUT = 3_000;

/**
 * For {@link createGateway}, which retries by itself: the SDK's three tries know neither a deadline nor what "gone" means.
 * In a file of its own, which is imported only when something is to be closed.
 */
export function connectionsClient(endpoint: string): Closer {
  const agent = { keepAlive: true, maxSockets: 64 };
  const client = new ApiGatewayManagementApiClient({
    // Given, the SDK does not heed the variable of the environment; whoever calls has done so.
    endpoint,
    maxAttempts: 1,
    requestHandler: {
      httpsAgent: agent,
      httpAgent: agent,
      connectionTimeout: CONNECT_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      // Without it the SDK only warns, and waits on.
      throwOnRequestTimeout: true,
    },
  });
  return {
    close: (connectionId) => client.send(new DeleteConnectionCommand({ ConnectionId: connectionId })),
    destroy: () => client.destroy(),
  };
}
