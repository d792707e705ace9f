/** The documents keep up with the sources: every code is explained, every link leads somewhere. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const DOCUMENTS = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "lambdas/protocol/PROTOCOL.md",
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

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

describe("docs/ERRORS.md", () => {
  test("explains every code that is used, each once, and none that is not", () => {
    const explained = [...read("docs/ERRORS.md").matchAll(/^### ([A-Z]+(?:_[A-Z]+)+)$/gm)].map(
      ([, code]) => code,
    );
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

/** What is wrong with a link, or undefined. */
function fault(document: string, link: string): string | undefined {
  if (/^https:\/\//.test(link)) return URL.canParse(link) ? undefined : "no URL";
  const [path = "", fragment] = link.split("#");
  const target = path === "" ? document : relative(ROOT, resolve(ROOT, dirname(document), path));
  if (target.startsWith("..")) return "leaves the project";
  if (!statSync(join(ROOT, target), { throwIfNoEntry: false })) return "no such file";
  if (fragment !== undefined && !anchorsOf(target).has(fragment)) return "no such heading";
  return undefined;
}

describe.each(DOCUMENTS)("%s", (document) => {
  test("has no dead link to a file or heading", () => {
    const links = [...prose(document).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link]) => link ?? []);
    const dead = links.flatMap((link) => {
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
