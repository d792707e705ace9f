/** The documents keep up with the sources: codes are explained, links lead somewhere, examples compile, pages can be found and read. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { checkExamples } from "../support/doc-examples.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** What a reader comes to from the README. */
const PAGES = [
  "README.md",
  ...["docs", "lambdas/protocol"].flatMap((directory) =>
    readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${directory}/${name}`),
  ),
];
const DOCUMENTS = [...PAGES, "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"];

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

// ── codes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A code, in quotes. */
const QUOTED = /"([A-Z]+(?:_[A-Z]+)+)"/g;
/** What our own codes begin with wherever they are used; those of infra/ have no prefix and are known by their type. */
const PREFIXES = /^(?:SKY|STORE|GATEWAY)_/;
/** `type …ErrorCode = "A" | "B";` lists what may be used; it is no use itself. */
const LIST = /type \w*ErrorCode =[^;]+;/g;

const sources = ["lambdas", "infra"].flatMap((directory) =>
  readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => read(join(directory, name))),
);

const quoted = (text: string): string[] => [...text.matchAll(QUOTED)].flatMap(([, code]) => code ?? []);

/** Codes that something can throw, reject with or log. */
function codesInUse(): string[] {
  const listed = new Set(sources.flatMap((text) => (text.match(LIST) ?? []).flatMap(quoted)));
  const fixed = sources.flatMap((text) => [...text.matchAll(/readonly code = ("\w+")/g)]);
  for (const [, code] of fixed) for (const one of quoted(code ?? "")) listed.add(one);
  const used = sources.flatMap((text) => quoted(text.replaceAll(LIST, "")));
  return [...new Set(used)].filter((code) => PREFIXES.test(code) || listed.has(code)).sort();
}

describe("docs/ERRORS.md and the pages beside it", () => {
  const pages = PAGES.filter((page) => /^docs\/ERRORS(?:-\w+)?\.md$/.test(page));
  const explained = pages.flatMap((page) =>
    [...read(page).matchAll(/^### ([A-Z]+(?:_[A-Z]+)+)$/gm)].flatMap(([, code]) => code ?? []),
  );

  test("the first lists all of them", () => {
    const [, list = ""] = /^## All codes\n([\s\S]*?)^## /m.exec(read("docs/ERRORS.md")) ?? [];
    const listed = [...list.matchAll(/`(\w+)`\]/g)].map(([, code]) => code);
    expect(listed.sort()).toEqual([...explained].sort());
  });

  test("explain every code that is used, each once, and none that is not", () => {
    const codes = codesInUse();
    // Known ones of each make: else a regular expression that finds nothing would agree with an empty page.
    expect(codes).toEqual(
      expect.arrayContaining([
        "SKY_UNCAUGHT",
        "STORE_BUSY",
        "GATEWAY_BUSY",
        "ENTRY_NOT_FOUND",
        "PORT_NOT_FREE",
        "SYNTH_FAILED",
      ]),
    );
    expect([...explained].sort()).toEqual(codes);
  });
});

// ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** As GitHub makes anchors of headings: lower case, no punctuation, spaces to hyphens. */
const anchor = (heading: string): string =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_\- ]/gu, "")
    .replaceAll(" ", "-");

/** Without code blocks, in which `#` begins a comment and brackets are no links. */
const prose = (path: string): string => read(path).replaceAll(/^```[\s\S]*?^```/gm, "");

const anchorsOf = (path: string): Set<string> =>
  new Set([...prose(path).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading ?? "")));

const linksOf = (document: string): readonly string[] =>
  [...prose(document).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => link ?? []);

const isRemote = (link: string): boolean => /^https:\/\//.test(link);

/** The file that a link leads to, from the project's root. */
function targetOf(document: string, link: string): string {
  const [path = ""] = link.split("#");
  return path === "" ? document : relative(ROOT, resolve(ROOT, dirname(document), path));
}

/** What is wrong with a link, or undefined. */
function fault(document: string, link: string): string | undefined {
  if (isRemote(link)) return URL.canParse(link) ? undefined : "no URL";
  const [, fragment] = link.split("#");
  const target = targetOf(document, link);
  if (target.startsWith("..")) return "leaves the project";
  if (!statSync(join(ROOT, target), { throwIfNoEntry: false })) return "no such file";
  if (fragment !== undefined && !anchorsOf(target).has(fragment)) return "no such heading";
  return undefined;
}

describe.each(DOCUMENTS)("%s", (document) => {
  test("has no dead link to a file or heading", () => {
    const dead = linksOf(document).flatMap((link) => {
      const problem = fault(document, link);
      return problem === undefined ? [] : [`${link}: ${problem}`];
    });
    expect(dead).toEqual([]);
  });

  test("names only files and directories that exist", () => {
    // `lambdas/server/invocation/effect-queue.ts`, `test/e2e`: paths in backticks that begin with one of our own directories.
    const paths = [...prose(document).matchAll(/`((?:lambdas|infra|test|docs)\/[\w./-]*)`/g)];
    const missing = paths
      .flatMap(([, path]) => path ?? [])
      .filter((path) => !statSync(join(ROOT, path), { throwIfNoEntry: false }));
    expect(missing).toEqual([]);
  });
});

test("every page is reachable from the README", () => {
  const reached = new Set(["README.md"]);
  // A set hands over what is added while it is walked.
  for (const page of reached) {
    for (const link of linksOf(page)) {
      const target = targetOf(page, link);
      if (!isRemote(link) && target.endsWith(".md")) reached.add(target);
    }
  }
  expect(DOCUMENTS.filter((page) => !reached.has(page))).toEqual([]);
});

// ── size ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

const MAX_LINES = 300;
const MAX_LENGTH = 120;

test.each(PAGES)("%s is no longer than a reader's patience", (page) => {
  expect(read(page).split("\n").length - 1).toBeLessThanOrEqual(MAX_LINES);
});

test.each(DOCUMENTS)("%s has its lines wrapped", (document) => {
  // Tables, headings and pictures are single lines; where a link leads is no part of the text.
  const long = prose(document)
    .split("\n")
    .filter((line) => !/^(?:\||#|!\[)/.test(line))
    .filter((line) => line.replaceAll(/\]\(\S+\)/g, "]").length > MAX_LENGTH);
  expect(long).toEqual([]);
});

// ── contents ─────────────────────────────────────────────────────────────────────────────────────────────────────────

test("examples compile", async () => {
  // A compiler that starts beside all other tests may need long.
  expect(await checkExamples(new Map(PAGES.map((page) => [page, read(page)])))).toEqual([]);
});

test("an example that does not compile is found, with its place", async () => {
  const wrong = "Text.\n\n```ts\nio.emit();\nio.shout();\n```\n";
  const complaints = await checkExamples(new Map([["wrong.md", wrong]]));
  expect(complaints).toContainEqual(expect.stringMatching(/^wrong\.md:3\(2,4\): .*shout/));
});

test("docs/WHEN-NOT.md calculates with the numbers of docs/PERFORMANCE.md", () => {
  const [argument = ""] = read("docs/WHEN-NOT.md").split("## How to find your own number");
  const numbers = [...argument.matchAll(/\$[\d.,]*\d|[\d.,]*\d(?= (?:%|MB|ms|s)\b)/g)].map(
    ([number]) => number,
  );
  const performance = read("docs/PERFORMANCE.md");
  expect(numbers.length).toBeGreaterThan(15);
  expect(numbers.filter((number) => !performance.includes(number))).toEqual([]);
});
