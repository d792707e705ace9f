import { afterEach, describe, expect, test } from "@jest/globals";
import { Chaos } from "../../../infra/local/chaos.ts";
import { createFaults, type Victims } from "../../../infra/local/faults.ts";
import { type LambdaBench, makeFunction, SOURCE, startLambda } from "./lambda-fixture.ts";

const SIGNED = { headers: { authorization: "AWS4-HMAC-SHA256 Credential=ASIA1/20260101/us-east-1/x" } };

describe("at a call of an AWS service", () => {
  const happened: string[] = [];
  const victims: Victims = {
    crash: async (key) => {
      happened.push(`crash ${key}`);
      return key === "ASIA1";
    },
    freeze: (key, ms) => happened.push(`freeze ${key} ${ms > 0}`),
  };
  const call = async () => {
    happened.push("call");
    return "answer";
  };

  afterEach(() => {
    happened.length = 0;
  });

  test.each<[object, string[], string | undefined]>([
    [{}, ["call"], "answer"],
    [{ crashBeforeCall: 1 }, ["crash ASIA1"], undefined],
    [{ crashAfterCall: 1 }, ["call", "crash ASIA1"], undefined],
    [{ freeze: 1, freezeMs: 10 }, ["freeze ASIA1 true", "call"], "answer"],
  ])("%j", async (settings, expected, answer) => {
    const faults = createFaults(new Chaos({ seed: 1, settings }), () => victims);
    expect(await faults(SIGNED, call)).toBe(answer);
    expect(happened).toEqual(expected);
  });

  test("nobody dies who is no instance, or before there are any", async () => {
    const chaos = new Chaos({ settings: { crashBeforeCall: 1 } });
    expect(await createFaults(chaos, () => undefined)(SIGNED, call)).toBe("answer");
    expect(await createFaults(chaos, () => victims)({ headers: {} }, call)).toBe("answer");
    const another = { headers: { authorization: "AWS4-HMAC-SHA256 Credential=AKIA2/20260101/x" } };
    expect(await createFaults(chaos, () => victims)(another, call)).toBe("answer");
  });
});

describe("an instance", () => {
  let bench: LambdaBench;

  afterEach(() => bench.stop());

  /** It says its key, then works on for a minute, looking at the clock. */
  const CODE = `
    export const handler = async ({ waits }) => {
      console.log("key " + process.env.AWS_ACCESS_KEY_ID);
      let longest = 0;
      for (let last = performance.now(), until = last + waits; last < until; ) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
      }
      return longest;
    };`;

  async function keyOf(): Promise<string> {
    return (await bench.logged("key ")).text.slice("key ".length);
  }

  test("dies in the midst of what it runs, which fails; the next one is another", async () => {
    bench = await startLambda([await makeFunction(CODE, { timeoutSec: 60 })]);
    const running = bench.lambda.invoke("Fn", { waits: 60_000 }, SOURCE);
    const key = await keyOf();
    expect(await bench.lambda.crash(key)).toBe(true);
    expect(await running).toMatchObject({ outcome: "error", errorType: "Runtime.ExitError" });
    expect(await bench.lambda.crash(key)).toBe(false);
    expect(await bench.lambda.invoke("Fn", { waits: 1 }, SOURCE)).toMatchObject({ outcome: "ok" });
  });

  test("is not killed while it runs nothing", async () => {
    bench = await startLambda([await makeFunction(CODE)], { instancesInTurn: 1 });
    await bench.lambda.invoke("Fn", { waits: 1 }, SOURCE);
    expect(await bench.lambda.crash(await keyOf())).toBe(false);
    expect(await bench.lambda.invoke("Fn", { waits: 1 }, SOURCE)).toMatchObject({ outcome: "ok" });
    expect(bench.events.filter((event) => event.kind === "lambda" && event.coldStart)).toHaveLength(1);
  });

  test("freezes as a whole for some time, and goes on", async () => {
    bench = await startLambda([await makeFunction(CODE)]);
    const running = bench.lambda.invoke("Fn", { waits: 100 }, SOURCE);
    bench.lambda.freeze(await keyOf(), 800);
    const result = await running;
    expect(result.outcome === "ok" && Number(result.payload)).toBeGreaterThanOrEqual(790);
  });
});
