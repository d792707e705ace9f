import { EndpointCache as SdksOwn } from "@aws-sdk/endpoint-cache";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { EndpointCache } from "../../../lambdas/aws/endpoint-cache.ts";

const MINUTE_MS = 60_000;

afterEach(() => {
  jest.useRealTimers();
});

describe.each([
  ["ours", EndpointCache],
  ["the SDK's own", SdksOwn],
])("the memory of endpoints, %s", (_whose, Cache) => {
  test("gives one of those that are live, and forgets the others", () => {
    jest.useFakeTimers({ now: 1_800_000_000_000 });
    const cache = new Cache(10);
    expect([cache.has("a"), cache.get("a"), cache.getEndpoint("a")]).toEqual([false, undefined, undefined]);
    cache.set("a", [
      { Address: "short", CachePeriodInMinutes: 1 },
      { Address: "long", CachePeriodInMinutes: 2 },
    ]);
    expect(cache.has("a")).toBe(true);
    expect(["short", "long"]).toContain(cache.getEndpoint("a"));
    jest.setSystemTime(Date.now() + MINUTE_MS);
    expect(cache.getEndpoint("a")).toBe("long");
    jest.setSystemTime(Date.now() + MINUTE_MS);
    expect(cache.getEndpoint("a")).toBeUndefined();
    expect(cache.has("a")).toBe(false);
  });

  test("keeps as many keys as it is told to, and what it is not told to forget", () => {
    const cache = new Cache(2);
    for (const key of ["a", "b", "c"]) cache.set(key, [{ Address: key, CachePeriodInMinutes: 1 }]);
    expect(["a", "b", "c"].map((key) => cache.getEndpoint(key))).toEqual([undefined, "b", "c"]);
    cache.delete("b");
    expect(["b", "c"].map((key) => cache.has(key))).toEqual([false, true]);
    cache.clear();
    expect(cache.has("c")).toBe(false);
  });
});
