import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { inMemoryState } from "../../../infra/constructs/in-memory/find.ts";
import { warningOf } from "../../../infra/constructs/in-memory/warning.ts";
import { IN_MEMORY_APPS } from "../../support/in-memory-apps.ts";

const MARK = /\/\/ finds (\S+)/;

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "skysocket-in-memory-"));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Writes an application and returns the path of its module. */
async function written(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name, path)), { recursive: true });
    await writeFile(join(root, name, path), text);
  }
  return join(root, name, Object.keys(files)[0] ?? "");
}

function marked(directory: string, files: Readonly<Record<string, string>>): string[] {
  return Object.entries(files).flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) => {
      const name = MARK.exec(line)?.[1];
      return name === undefined ? [] : [`${join(directory, path)}:${index + 1} ${name}`];
    }),
  );
}

async function warnings(name: string, text: string): Promise<string[]> {
  const app = await written(name, { "app.ts": text });
  return inMemoryState(app).map((finding) => warningOf(finding, dirname(app)));
}

describe("variables that handlers change", () => {
  test.each(Object.entries(IN_MEMORY_APPS))("%s: each is named, and no other", async (name, files) => {
    const app = await written(name, files);
    const found = inMemoryState(app).map(({ file, line, name: variable }) => `${file}:${line} ${variable}`);
    expect(found.sort()).toEqual(marked(join(root, name), files).sort());
  });

  test("are none in the example", () => {
    expect(inMemoryState(resolve("lambdas/app.ts"))).toEqual([]);
  });

  test("are not looked for in what cannot be bundled", async () => {
    expect(inMemoryState(await written("broken", { "app.ts": "const users = [1 2];" }))).toEqual([]);
  });
});

describe("the warning", () => {
  const handler = (text: string) => `
import { Server } from "skysocket";
const io = new Server();
${text}
export default io;`;

  test.each([
    ["const users: string[] = [];", "users.push(id)", 'users = io.shared("users", [])'],
    ["const users = new Set<string>();", "users.add(id)", 'users = io.shared("users", new Set<string>())'],
    ["const users = new Map();", "users.delete(id)", 'users = io.shared("users", new Map())'],
    ["let count = 0;", "count++", 'io.shared("counts", { count: 0 })'],
    ["let timer;", "timer = setTimeout(() => {}, 10)", "Timers end with their event"],
    ["const all = {};", "all[id] = socket", "keep socket.id"],
    ["class Game { n = 0; add() { this.n++; } } const game = new Game();", "game.add()", "plain values"],
  ])("of %s says what to write", async (declared, changed, advice) => {
    const text = `${declared}\nio.on("connection", (socket) => { socket.on("x", (id) => { ${changed}; }); });`;
    const [warning, ...others] = await warnings(
      `of ${changed.slice(0, 5)} ${declared.slice(0, 9)}`,
      handler(text),
    );
    expect(others).toEqual([]);
    expect(warning).toMatch(
      /^SKY_STATE_IN_MEMORY app\.ts:4 \w+: handlers change this variable of the module/,
    );
    expect(warning).toContain(advice);
    expect(warning).toContain('the comment "skysocket: in-memory"');
  });

  test("of a variable of the listener names socket.data", async () => {
    const text = `io.on("connection", (socket) => {\nlet added = false;\nsocket.on("add", () => { added = true; });\n});`;
    expect(await warnings("of a listener", handler(text))).toEqual([
      expect.stringMatching(
        /^SKY_STATE_IN_MEMORY app\.ts:5 added: .*listener \(line 6\).*socket\.data\.added\./,
      ),
    ]);
  });
});
