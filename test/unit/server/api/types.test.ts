import { readFile } from "node:fs/promises";
import { expect, test } from "@jest/globals";

test("the type test is the same for both libraries but for its import, so that tsc compares them", async () => {
  const read = (name: string) => readFile(new URL(`../../../types/${name}`, import.meta.url), "utf8");
  const [ours, stock] = await Promise.all([read("skysocket.ts"), read("stock.ts")]);
  expect(stock).toBe(ours.replace('from "skysocket"', 'from "socket.io"'));
});
