import { describe, expect, test } from "@jest/globals";
import { createPings } from "../../../lambdas/functions/heartbeat-pings.ts";
import { PARALLEL_POSTS } from "../../../lambdas/gateway/clients.ts";

/** Time passes only by sleeping. */
function clockOf(start = 1_800_000_000_000) {
  let now = start;
  return {
    start,
    now: () => now,
    async sleep(ms: number) {
      now += ms;
    },
  };
}

const OK = { status: 200, headers: {}, text: "" };
const reset = () => Object.assign(new Error("reset"), { code: "ECONNRESET" });
const random = () => 0.999;

describe("a ping", () => {
  test("is tried again for 20 seconds", async () => {
    const clock = clockOf();
    const service = {
      async post() {
        if (clock.now() - clock.start < 18_000) throw reset();
        return OK;
      },
    };
    const pings = createPings({ service, clock, random, deadline: clock.start + 48_000 });
    expect(await pings.post("a", "2")).toBe("ok");
  });

  test("is not tried again when the time of its run is over", async () => {
    const clock = clockOf();
    let last = 0;
    const service = {
      async post() {
        last = clock.now();
        throw reset();
      },
    };
    const pings = createPings({ service, clock, random, deadline: clock.start + 5_000 });
    await expect(pings.post("a", "2")).rejects.toMatchObject({ code: "GATEWAY_FAILED" });
    expect(last - clock.start).toBeGreaterThan(5_000);
    expect(last - clock.start).toBeLessThanOrEqual(7_000);
    expect(clock.now() - clock.start).toBeLessThanOrEqual(8_000);
  });

  test("does not wait for its first try beyond that either, where API Gateway hangs", async () => {
    const clock = clockOf();
    let tries = 0;
    const service = {
      async post() {
        tries++;
        await clock.sleep(1_000);
        throw reset();
      },
    };
    const pings = createPings({ service, clock, random, deadline: clock.start });
    const all = Array.from({ length: 1_000 }, (_, i) => pings.post(String(i), "2"));
    const results = await Promise.allSettled(all);
    expect(results.every(({ status }) => status === "rejected")).toBe(true);
    expect(tries).toBeLessThanOrEqual(PARALLEL_POSTS);
  });
});
