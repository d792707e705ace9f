import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { bundleFiles } from "../../../infra/constructs/bundle.ts";
import { PACKAGE_ROOT } from "../../../infra/package-files.ts";

/**
 * Bytes that a function may load, with the example application in it. What an instance loads is its cold start; who needs
 * more says here why. Half of each is the SDK's client of DynamoDB.
 */
const BUDGETS: Readonly<Record<string, number>> = {
  // Limits on what clients may cost, calls outside of events, directives for sockets that are away, notes of those who leave large
  // rooms, batches of the line, and clients that count are all on an event's way. Shared variables take 41 KB, 11 of them devalue's:
  // they are declared while the module is loaded, and what is loaded later comes too late for that.
  "socket.ts": 464_000,
  "fan-out.ts": 232_000,
  "heartbeat.ts": 210_000,
};

/**
 * Of what is loaded later: to post (most of it is undici's HTTP parser as WebAssembly, twice), to close a connection, and never
 * by us.
 */
const LATER: Readonly<Record<string, number>> = {
  "skysocket-service.mjs": 310_000,
  "skysocket-connections-client.mjs": 190_000,
  "skysocket-event-streams.mjs": 22_000,
};

const lambdas = join(PACKAGE_ROOT, "lambdas");
const functions = join(lambdas, "functions");
const entries = readdirSync(functions).filter(
  (name) =>
    name.endsWith(".ts") && /^export const handler\b/m.test(readFileSync(join(functions, name), "utf8")),
);

describe("the size of what a function loads", () => {
  test("is budgeted for each entry", () => {
    expect(entries).toContain("socket.ts");
    expect(entries.filter((name) => BUDGETS[name] === undefined)).toEqual([]);
  });

  test.each(entries)("%s stays in its budget", (name) => {
    const files = bundleFiles({
      entry: join(functions, name),
      app: join(lambdas, "app.ts"),
      sourceMap: false,
    });
    const sizes = new Map(files.map(({ path, text }) => [basename(path), Buffer.byteLength(text)]));
    expect(sizes.get("index.mjs")).toBeLessThanOrEqual(BUDGETS[name] ?? 0);
    sizes.delete("index.mjs");
    expect(sizes.get("skysocket-service.mjs")).toBeGreaterThan(0);
    expect([...sizes].filter(([file, size]) => size > (LATER[file] ?? 0))).toEqual([]);
  });

  test.each(entries)("%s holds nothing that a start does without", (name) => {
    const [main] = bundleFiles({
      entry: join(functions, name),
      app: join(lambdas, "app.ts"),
      sourceMap: false,
    });
    // Words that minifying leaves: of undici, the SDK's client of API Gateway, credentials from elsewhere than the environment,
    // event streams, a library of caches, and the package "debug".
    for (const word of [
      "llhttp_",
      "ApiGatewayManagementApi",
      "sso_session",
      ":event-type",
      "mnemonist",
      "debug.destroy",
    ]) {
      expect(main?.text.includes(word) ? word : undefined).toBeUndefined();
    }
  });
});
