import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { StandardRetryStrategy } from "@smithy/core/retry";
import { createDynamoClient, Retries } from "../../../../lambdas/store/table/dynamo-client.ts";

const THROTTLED = { errorType: "THROTTLING" } as const;
const BROKEN = { errorType: "TRANSIENT" } as const;

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  jest.useRealTimers();
});

/** Requests of which each is throttled twice and then done: how many of them were not given up. */
async function hotRoom(retries: StandardRetryStrategy, requests: number): Promise<number> {
  let done = 0;
  for (let request = 0; request < requests; request++) {
    const first = await retries.acquireInitialRetryToken("");
    const second = retries.refreshRetryTokenForRetry(first, THROTTLED);
    const third = second.then((token) => retries.refreshRetryTokenForRetry(token, THROTTLED));
    third.then(
      (token) => {
        retries.recordSuccess(token);
        done++;
      },
      () => undefined,
    );
    await jest.runAllTimersAsync();
  }
  return done;
}

describe("a hot room", () => {
  it("is written to however long it is hot", async () => {
    expect(await hotRoom(new Retries({ maxAttempts: 5 }), 300)).toBe(300);
  });

  it("would lose writes with the SDK's own quota", async () => {
    expect(await hotRoom(new StandardRetryStrategy({ maxAttempts: 5 }), 300)).toBeLessThan(300);
  });
});

describe("a request", () => {
  it("is sent eight times, over seconds when it is throttled", async () => {
    jest.spyOn(Math, "random").mockReturnValue(0.999);
    const strategy = await createDynamoClient().config.retryStrategy();
    if (!(strategy instanceof Retries)) throw new Error("the client has other retries");
    let token = await strategy.acquireInitialRetryToken("");
    const waits: number[] = [];
    for (let sending = 1; sending < 8; sending++) {
      const before = Date.now();
      const next = strategy.refreshRetryTokenForRetry(token, THROTTLED);
      await jest.runAllTimersAsync();
      token = await next;
      waits.push(Math.round((Date.now() - before) / 1000));
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 20, 20]);
    await expect(strategy.refreshRetryTokenForRetry(token, THROTTLED)).rejects.toThrow();
  });

  it("is not tried again when all that are under way fail: the service is down", async () => {
    const retries = new Retries({ maxAttempts: 5 });
    const tokens = await Promise.all(Array.from({ length: 50 }, () => retries.acquireInitialRetryToken("")));
    const all = Promise.allSettled(tokens.map((token) => retries.refreshRetryTokenForRetry(token, BROKEN)));
    await jest.runAllTimersAsync();
    const refused = (await all).filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(50);
  });
});
