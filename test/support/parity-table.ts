import type { Kind } from "./parity-kinds.ts";
import type { Part } from "./parity-members.ts";
import type { Note } from "./parity-notes.ts";
import type { Scenario } from "./scenario.ts";

export interface TableInput {
  /** Of Socket.IO. */
  readonly version: string;
  readonly parts: readonly Part[];
  readonly scenarios: readonly Scenario[];
  readonly notes: readonly Note[];
  /** Socket.IO's own tests: how many were played, and the kinds of those that do not pass. */
  readonly own: { readonly tests: number; readonly kinds: readonly Kind[] };
}

interface Row {
  readonly member: string;
  readonly status: string;
  readonly why: string;
  readonly scenarios: readonly string[];
}

/** All members, as scenarios and notes name them. */
const membersOf = (parts: readonly Part[]): string[] =>
  parts.flatMap(({ prefix, members }) => members.map((member) => prefix + member));

/**
 * What keeps the table from being complete and true, as sentences: a row without a scenario and without a reason, and
 * names of members that Socket.IO does not have.
 */
export function problemsOf({ parts, scenarios, notes }: TableInput): readonly string[] {
  const members = new Set(membersOf(parts));
  const covered = new Set(scenarios.flatMap(({ covers = [] }) => covers));
  const noted = notes.flatMap((note) => note.members);
  const reasons = new Set(
    notes.filter(({ shown, status }) => shown ?? status === "not yet").flatMap((note) => note.members),
  );
  return [
    ...[...members]
      .filter((member) => !covered.has(member) && !reasons.has(member))
      .map(
        (member) =>
          `${member} has neither a scenario nor a reason: cover it, or say in parity-notes.ts why not`,
      ),
    ...scenarios.flatMap(({ name, covers = [] }) =>
      covers
        .filter((member) => !members.has(member))
        .map((member) => `"${name}" covers ${member}, which does not exist`),
    ),
    ...noted
      .filter((member) => !members.has(member))
      .map((member) => `a note is about ${member}, which does not exist`),
    ...noted
      .filter((member, at) => noted.indexOf(member) !== at)
      .map((member) => `two notes are about ${member}`),
  ];
}

/** The table as Markdown. */
export function renderTable(input: TableInput): string {
  const rows = input.parts.map((part) => ({
    part,
    rows: part.members.map((member) => rowOf(part.prefix + member, input)),
  }));
  const counts = new Map<string, number>();
  for (const { status } of rows.flatMap((one) => one.rows)) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [
    `# Parity with Socket.IO ${input.version}`,
    "",
    "Written by `npm run parity:table`; a test fails when it is stale. Each public member of Socket.IO's server, as its type",
    "declarations have them, has a row. The scenarios stand in `test/integration/parity/scenarios` and are played on stock Socket.IO",
    "and on ours: the gate has them on the local cloud, `npm test` on the in-process host. What their clients see is compared.",
    "",
    "- **same**: clients saw the same on both.",
    "- **differs**: they did not, for the reason given.",
    "- **not applicable**: it has no meaning behind API Gateway; the reason says what happens instead.",
    "",
    ["status", "members"],
    ["---", "---"],
    ...[...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([status, count]) => [status, String(count)]),
    "",
    ...rows.flatMap((one) => section(one.part.title, one.rows)),
    ...ownTests(input.own),
  ]
    .map((line) => (typeof line === "string" ? line : `| ${line.join(" | ")} |`))
    .join("\n");
}

function section(title: string, rows: readonly Row[]): (string | string[])[] {
  return [
    `## ${title}`,
    "",
    ["member", "status", "scenarios"],
    ["---", "---", "---"],
    ...rows.map(({ member, status, why, scenarios }) => [
      `\`${member}\``,
      why === "" ? status : `${status}: ${escapeCell(why)}`,
      scenarios.map(escapeCell).join("; "),
    ]),
    "",
  ];
}

function ownTests({ tests, kinds }: TableInput["own"]): (string | string[])[] {
  const failing = kinds.reduce((sum, kind) => sum + kind.tests, 0);
  return [
    "## Socket.IO's own server tests",
    "",
    `Of ${tests} of them ${tests - failing} pass on the in-process host, with clients that begin as a WebSocket. Where a test looks into`,
    "the one process, or takes it for granted that of two clients the first to dial is there first, the same was asked by the API,",
    "with `fetchSockets` above all. The others are of these kinds:",
    "",
    ["kind", "tests", "why"],
    ["---", "---", "---"],
    ...kinds.map(({ what, tests: n, why }) => [escapeCell(what), String(n), escapeCell(why)]),
    "",
  ];
}

function rowOf(member: string, { scenarios, notes }: TableInput): Row {
  const playing = scenarios.filter(({ covers }) => covers?.includes(member));
  const note = notes.find(({ members }) => members.includes(member));
  const differing = playing.flatMap(({ differs }) => (differs ? [differs.why] : []));
  // A member that is "not yet" is so until there is a scenario.
  const noted = note?.status === "not yet" && playing.length > 0 ? undefined : note;
  return {
    member,
    status: noted?.status ?? (differing.length > 0 ? "differs" : "same"),
    why: [...(noted ? [noted.why] : []), ...new Set(differing)].join(" "),
    scenarios: [...playing.map(({ name }) => name), ...(noted?.shown ? [noted.shown.file] : [])],
  };
}

const escapeCell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
