import { resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parseOptions } from "../../../infra/local/cli-options.ts";
import { formatLine, oneLine, readyLine, readyText } from "../../../infra/local/cli-output.ts";

describe("the command line", () => {
  test("runs the example on port 3000 by default", () => {
    expect(parseOptions([])).toEqual({
      app: resolve("lambdas/app.ts"),
      port: 3000,
      hosts: [],
      dynamodb: undefined,
      instances: 2,
      json: false,
      help: false,
    });
  });

  test("takes all that it documents", () => {
    const args = [
      ...["--app", "x/app.ts", "--port", "0", "--host", "192.168.1.20", "--host", "my-laptop.local"],
      ...["--dynamodb", "http://127.0.0.1:8000/", "--instances", "1", "--json"],
    ];
    expect(parseOptions(args)).toEqual({
      app: resolve("x/app.ts"),
      port: 0,
      hosts: ["192.168.1.20", "my-laptop.local"],
      dynamodb: "http://127.0.0.1:8000",
      instances: 1,
      json: true,
      help: false,
    });
    expect(parseOptions(["-h"]).help).toBe(true);
  });

  test.each([
    [["--port", "x"], '--port takes a number from 0 to 65535, but got "x".'],
    [["--port", "65536"], 'but got "65536"'],
    [["--port", "-1"], "--port"],
    [["--port", ""], 'but got ""'],
    [["--dynamodb", "localhost:8000"], "--dynamodb takes an http or https URL such as http://127.0.0.1:8000"],
    [["--dynamodb", "x"], 'but got "x"'],
    [
      ["--host", "http://x"],
      '--host takes a name or an address, such as my-laptop.local or 192.168.1.20, but got "http://x".',
    ],
    [["--host", ""], 'but got ""'],
    [["--instances", "0"], '--instances takes a number from 1 to 32, but got "0".'],
    [["--instances", "two"], 'but got "two"'],
    [["--nope"], "Unknown option '--nope'"],
    [["app.ts"], "app.ts"],
  ])("refuses %j in words", (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
    expect(() => parseOptions(args)).toThrow(expect.objectContaining({ code: "OPTIONS_INVALID" }));
  });
});

describe("what is printed", () => {
  const line = {
    at: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    functionId: "RealtimeSocket1F268B3B",
    requestId: "0a1b2c3d-9999-4000-8000-000000000000",
    level: "info",
    text: "hello",
  } as const;
  const cloud = { url: "http://127.0.0.1:3000", path: "/prod", ws: "ws://127.0.0.1:3000/prod" };

  test("a log line names the time, the function and the invocation", () => {
    expect(formatLine(line, false)).toBe("03:04:05.006 RealtimeSocket 0a1b2c3d hello");
    expect(formatLine({ ...line, level: "warn", requestId: "" }, false)).toBe(
      "03:04:05.006 RealtimeSocket -------- WARN hello",
    );
  });

  test("a line of JSON for programs, with nothing else in it", () => {
    expect(readyLine(cloud)).toBe(
      '{"url":"http://127.0.0.1:3000","path":"/prod","ws":"ws://127.0.0.1:3000/prod"}',
    );
  });

  test("the client's snippet for people", () => {
    expect(readyText(cloud, "/x/app.ts")).toContain(
      'io("http://127.0.0.1:3000", { path: "/prod", transports: ["websocket"], forceBase64: true })',
    );
  });

  test("an error is one line, without stack and code frames", () => {
    const message = [
      "The application /x/app.ts cannot be bundled:",
      '✘ [ERROR] Expected ";" but found "b"',
      "",
      "    app.ts:1:8:",
      "      1 │ const a b = 3;",
      "        │         ^",
      "        ╵         ;",
      "    at main (x.ts:1:1)",
    ].join("\n");
    expect(oneLine(new Error(message))).toBe(
      'The application /x/app.ts cannot be bundled: Expected ";" but found "b" app.ts:1:8:',
    );
  });
});
