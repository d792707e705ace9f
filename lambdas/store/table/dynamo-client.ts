import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { StandardRetryStrategy } from "@smithy/core/retry";

/** Milliseconds: a request that hangs is tried again by the SDK, well within the time of an event. */
const TIMEOUTS = { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true };

/**
 * A partition that gets too much is split within minutes, and takes all that comes for a moment before: a throttled request
 * waits 1, 2, 4, 8, 16 s, or randomly less, for as long as an event has time. With fewer tries some are over within seconds, while
 * their room is still hot (test/unit/store/hot-room.test.ts). One that failed waits 25 ms, 50 ms, …
 */
const ATTEMPTS = { maxAttempts: 8, baseDelay: 25 };

/**
 * The SDK's retries, but the quota of them is one of those that wait, not of those that ever were. Theirs is used up in a hot
 * room, where every second write is throttled for minutes, and then nothing is tried again. What waits is bounded anyway
 * (REQUESTS_AT_ONCE in table.ts); when the service fails altogether, the quota still ends retrying.
 */
export class Retries extends StandardRetryStrategy {
  override async refreshRetryTokenForRetry(
    ...args: Parameters<StandardRetryStrategy["refreshRetryTokenForRetry"]>
  ): ReturnType<StandardRetryStrategy["refreshRetryTokenForRetry"]> {
    const next = await super.refreshRetryTokenForRetry(...args);
    this.recordSuccess(next);
    return next;
  }
}

/** For {@link Table}, of the environment's region and with its credentials. */
export function createDynamoClient(): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    maxAttempts: ATTEMPTS.maxAttempts,
    retryStrategy: new Retries(ATTEMPTS),
    requestHandler: { ...TIMEOUTS },
  });
  return DynamoDBDocumentClient.from(client);
}
