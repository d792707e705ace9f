import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { readDeclaration } from "../../support/parity-declarations.ts";
import { problemsOf, renderTable, type TableInput } from "../../support/parity-table.ts";
import { TABLE_FILE, tableInput } from "../../support/parity-table-file.ts";
import type { Scenario } from "../../support/scenario.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

test("each public member of Socket.IO has a scenario or a reason", () => {
  expect(problemsOf(tableInput())).toEqual([]);
});

test("PARITY.md is what the scenarios say: if not, run npm run parity:table", () => {
  expect(readFileSync(TABLE_FILE, "utf8")).toBe(renderTable(tableInput()));
});

test("what a note says is shown by another test stands in that test", () => {
  for (const { shown } of tableInput().notes) {
    if (!shown) continue;
    expect([shown.file, existsSync(ROOT + shown.file)]).toEqual([shown.file, true]);
    expect(readFileSync(ROOT + shown.file, "utf8")).toContain(shown.words);
  }
});

test("no two scenarios have the same name", () => {
  const names = tableInput().scenarios.map(({ name }) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

const scenario = (change: Partial<Scenario>): Scenario => ({
  name: "a talk",
  run: async () => {},
  ...change,
});
const tableOf = (change: Partial<TableInput>): TableInput => ({
  version: "4.8.0",
  parts: [{ title: "Socket", prefix: "Socket#", members: ["emit", "join"] }],
  scenarios: [scenario({ covers: ["Socket#emit", "Socket#join"] })],
  notes: [],
  own: { tests: 0, kinds: [] },
  ...change,
});

test.each<[string, Partial<TableInput>, string[]]>([
  ["a complete table", {}, []],
  [
    "a member that a new version brings",
    { parts: [{ title: "Socket", prefix: "Socket#", members: ["emit", "join", "teleport"] }] },
    ["Socket#teleport has neither a scenario nor a reason: cover it, or say in parity-notes.ts why not"],
  ],
  [
    "a scenario about a member that is gone",
    { scenarios: [scenario({ covers: ["Socket#emit", "Socket#join", "Socket#fly"] })] },
    ['"a talk" covers Socket#fly, which does not exist'],
  ],
  [
    "a note without anything that shows it",
    {
      scenarios: [scenario({ covers: ["Socket#emit"] })],
      notes: [{ members: ["Socket#join"], status: "not applicable", why: "So it is." }],
    },
    ["Socket#join has neither a scenario nor a reason: cover it, or say in parity-notes.ts why not"],
  ],
  [
    "two notes about one member, and one about none",
    {
      notes: [
        { members: ["Socket#join", "Socket#fly"], status: "same", why: "" },
        { members: ["Socket#join"], status: "same", why: "" },
      ],
    },
    ["a note is about Socket#fly, which does not exist", "two notes are about Socket#join"],
  ],
])("%s: its problems", (_, change, problems) => {
  expect(problemsOf(tableOf(change))).toEqual(problems);
});

test("a member is the same, or differs with the reason of the scenario that shows it", () => {
  const table = renderTable(
    tableOf({
      scenarios: [
        scenario({ covers: ["Socket#emit", "Socket#join"] }),
        scenario({
          name: "a cliff | a fall",
          covers: ["Socket#join"],
          differs: { why: "No cliffs here.", expect: {} },
        }),
      ],
    }),
  );
  expect(table.split("\n").filter((line) => line.startsWith("| `"))).toEqual([
    "| `Socket#emit` | same | a talk |",
    "| `Socket#join` | differs: No cliffs here. | a talk; a cliff \\| a fall |",
  ]);
});

test("of Socket.IO's own tests it says how many pass, and of which kinds the others are", () => {
  const kinds = [
    { what: "pages", tests: 3, why: "None here." },
    { what: "tides", tests: 1, why: "No sea." },
  ];
  const table = renderTable(tableOf({ own: { tests: 10, kinds } }));
  expect(table).toContain("Of 10 of them 6 pass");
  expect(table).toContain("| tides | 1 | No sea. |");
});

test("declarations are read: comments, type arguments, arrows, modifiers, what is not public", () => {
  const source = `
    /** class Fake { never: 1; } */
    interface Base<T = {}> extends a.Root<{ no: 1 }>, Other { [key: string]: T; "quoted"?: 1; base?(): void; }
    export declare abstract class Fake<
      A extends Map<string, { x: () => void }> = Map<string, {}>, B = {}> extends Base<{ y: 1 }> implements Third {
      static count: number;
      private readonly secret; protected hidden(): void; _internal: 1;
      /** @private */ unsaid: string;
      /** A text with @privateer in it; and a semicolon. */
      readonly name: "a;b{";
      get both(): A;
      set both(value: A);
      constructor(x: { inside: 1; });
      over<T>(a: T): this;
      over(a: (b: number) => { c: 1; }): this; // get trailing(): void;
      abstract then?: () => void;
    }`;
  expect(readDeclaration(source, "class", "Fake")).toEqual({
    members: ["name", "both", "over", "then"],
    bases: ["Base"],
  });
  expect(readDeclaration(source, "interface", "Base")).toEqual({
    members: ["base"],
    bases: ["Root", "Other"],
  });
  expect(() => readDeclaration(source, "class", "Nobody")).toThrow("no class Nobody");
});
