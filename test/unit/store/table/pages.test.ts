import { describe, expect, it } from "@jest/globals";
import { mergePages } from "../../../../lambdas/store/table/pages.ts";

async function* source(name: string, pages: number, log: string[]): AsyncGenerator<string> {
  try {
    for (let i = 0; i < pages; i++) yield `${name}${i}`;
  } finally {
    log.push(`${name} closed`);
  }
}

async function* failing(): AsyncGenerator<string> {
  yield "f0";
  throw new Error("no more");
}

describe("merging pages", () => {
  it("yields every page of every source, each source in its order", async () => {
    const pages: string[] = [];
    for await (const page of mergePages([source("a", 3, []), source("b", 0, []), source("c", 2, [])]))
      pages.push(page);
    expect([...pages].sort()).toEqual(["a0", "a1", "a2", "c0", "c1"]);
    expect(pages.filter((page) => page.startsWith("a"))).toEqual(["a0", "a1", "a2"]);
  });

  it("closes all sources when the consumer stops", async () => {
    const log: string[] = [];
    for await (const page of mergePages([source("a", 9, log), source("b", 9, log)])) {
      expect(page).toMatch(/0$/);
      break;
    }
    expect(log.sort()).toEqual(["a closed", "b closed"]);
  });

  it("passes a failure on and closes the others", async () => {
    const log: string[] = [];
    const read = async () => {
      for await (const page of mergePages([source("a", 50, log), failing()])) expect(page).toBeDefined();
    };
    await expect(read()).rejects.toThrow("no more");
    expect(log).toEqual(["a closed"]);
  });
});
