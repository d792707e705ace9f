/** The pages about the code's layout say what is there: the rooms and their order, and the walks through them. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

// ── rooms ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The rooms in the first column of the page's last table. */
const roomsOnPage = [
  ...(read("docs/architecture/rooms.md").split(/^## /m).at(-1) ?? "").matchAll(/^\| `([\w-]+)\/`/gm),
].map(([, room]) => room ?? "");

test("the page lists each room of the server", () => {
  expect([...roomsOnPage].sort()).toEqual(readdirSync(join(ROOT, "lambdas/server")).sort());
});

test("the page and the linter have the rooms in the same order", () => {
  const rules = new Map(
    [...read("biome.json").matchAll(/"([\w-]+)\/ imports only the rooms below it: ([\w, -]+)\./g)].map(
      ([, room = "", below = ""]) => [room, below.split(", ")] as const,
    ),
  );
  expect(rules.size).toBeGreaterThan(10);
  rules.set("ports", []); // the ground
  for (const room of roomsOnPage)
    expect([room, rules.get(room)]).toEqual([room, roomsOnPage.slice(0, roomsOnPage.indexOf(room))]);
});

// ── walks ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** More files than this are no way that somebody remembers. */
const MAX_FILES = 15;
const ENTRY = "lambdas/functions/socket.ts";
const POST = "lambdas/gateway/post.ts";
/** Is code too, between the listener that runs and the API that it calls. */
const APPLICATION = "lambdas/app.ts";

interface Station {
  readonly file: string;
  readonly name: string;
}

const [, ...sections] = read("docs/architecture/walks.md").split(/^## /m);
const walks = sections.map((text): [string, Station[]] => [
  text.split("\n", 1)[0] ?? "",
  [...text.matchAll(/^\d+\. `([^`]+)`, `(\w+)`: /gm)].flatMap(([, file, name]) =>
    file !== undefined && name !== undefined ? [{ file, name }] : [],
  ),
]);

/** A function, a constant, or a method: the latter ends in what opens its body or its parameters. */
const defines = (text: string, name: string): boolean =>
  new RegExp(
    `^(?:export )?(?:async )?function\\*? ${name}\\b|^export const ${name}\\b|^ +(?:async )?${name}(?:<.*>)?\\((?:$|.*\\{$)`,
    "m",
  ).test(text);

const calls = (text: string, name: string): boolean => new RegExp(`\\b${name}(?:<[^(]*>)?\\(`).test(text);

test("there are four walks", () => {
  expect(walks.map(([title]) => title)).toEqual([
    "An event with an acknowledgement",
    "`io.to(room).emit`",
    "CONNECT",
    "A resume",
  ]);
});

describe.each(walks)("%s", (_, stations) => {
  test("goes from the entry to the post, and comes back to no file", () => {
    const files = stations.map(({ file }) => file);
    expect([files[0], files.at(-1)]).toEqual([ENTRY, POST]);
    expect(files.length).toBeLessThanOrEqual(MAX_FILES);
    expect(files.filter((file, at) => files.indexOf(file) !== at)).toEqual([]);
  });

  test("names functions that exist", () => {
    const missing = stations.filter(
      ({ file, name }) => !existsSync(join(ROOT, file)) || !defines(read(file), name),
    );
    expect(missing).toEqual([]);
  });

  test("is a way: each function is called in a file before it", () => {
    const strays = stations.filter(({ name }, at) => {
      const before = [APPLICATION, ...stations.slice(0, at).map(({ file }) => file)];
      return at > 0 && !before.some((file) => calls(read(file), name));
    });
    expect(strays).toEqual([]);
  });
});
