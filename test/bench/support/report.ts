import type { CallsOf } from "../calls.ts";
import { priceOf } from "../price.ts";
import type { Results } from "../results.ts";
import { grouped, table, wrapped } from "./markdown.ts";
import { draw, type Plot } from "./plots.ts";
import { priceSection } from "./report-price.ts";
import { quotaSection } from "./report-quotas.ts";
import { serverSection } from "./report-server.ts";
import { type Row, rowsOf } from "./rows.ts";

const CONNECTIONS = [10_000, 30_000, 100_000, 300_000, 1_000_000];

function verdict({ bar }: Row): string {
  if (!bar) return "";
  const by = bar.by === undefined ? "" : `, ${grouped(bar.by, 3)}`;
  return `${bar.text}: ${bar.holds ? "yes" : "**no**"}${by}`;
}

/** For a terminal. */
export function textOf(results: Results): string {
  const lines = rowsOf(results).map((row) => [row.name, row.ours, row.control, verdict(row)]);
  const widths = [0, 1, 2].map((at) => Math.max(...lines.map((cells) => cells[at]?.length ?? 0)));
  return lines
    .map((cells) =>
      cells
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** The plots of PERFORMANCE.md, by file name. */
export function plotsOf(results: Results): Readonly<Record<string, string>> {
  const { runs: _, ...sizes } = results.fanout_ms;
  const fanOut = Object.entries(sizes).map(([size, times]) => ({ size: Number(size), ...times }));
  const prices = CONNECTIONS.map((count) => ({ count, ...priceOf(results, count).price }));
  const plots: Readonly<Record<string, Plot>> = {
    "fan-out-time": {
      ...{ title: "Time of a broadcast", x: "recipients", y: "ms" },
      curves: [
        { name: "ours", points: fanOut.map(({ size, ours }) => [size, ours]) },
        { name: "a bare loop of posts", points: fanOut.map(({ size, control }) => [size, control]) },
      ],
    },
    "fan-out-memory": {
      ...{ title: "Memory of a broadcast", x: "recipients", y: "MB" },
      curves: [
        { name: "the process at its peak", points: fanOut.map(({ size, peak_mb }) => [size, peak_mb]) },
      ],
    },
    price: {
      ...{ title: "Price of the workload", x: "connections", y: "$ a month" },
      curves: [
        {
          name: "recovery on",
          points: prices.map(({ count, ordered }) => [count, ordered.recovery_on.total]),
        },
        {
          name: "recovery off",
          points: prices.map(({ count, ordered }) => [count, ordered.recovery_off.total]),
        },
        {
          name: "recovery off, without the line",
          points: prices.map(({ count, direct }) => [count, direct.recovery_off.total]),
        },
        { name: "unavoidable", points: prices.map(({ count, unavoidable }) => [count, unavoidable]) },
      ],
    },
  };
  return Object.fromEntries(Object.entries(plots).map(([name, plot]) => [`${name}.svg`, draw(plot)]));
}

/** docs/PERFORMANCE.md. */
export function markdownOf(results: Results, machine: string): string {
  const measured = rowsOf(results).map((row) => [row.name, row.ours, row.control, verdict(row)]);
  const sections = [
    "# Performance",
    "`npm run bench -- --docs` measured this and wrote this page. Each number is a median, and its control was measured in the same " +
      `run. This run: ${machine}. None of it was measured on AWS.`,
    table(["", "ours", "control", "asked"], measured),
    READING,
    "![Time of a broadcast](performance/fan-out-time.svg)\n\n![Memory of a broadcast](performance/fan-out-memory.svg)",
    HOW_TO_RUN,
    callsSection(results),
    priceSection(results),
    serverSection(results),
    quotaSection(results),
  ];
  return wrapped(`${sections.join("\n\n")}\n`);
}

const READING = [
  'A ratio of times under "asked" is the median over pairs of runs that lie beside each other. It is not always the quotient of the two ' +
    "medians in its row.\n",
  "- **Loading**: the first row of a function is its `index.mjs`. The second row adds `skysocket-service.mjs`, loaded after it: the " +
    "client that posts and starts tasks. The first event of an instance loads that while its first read of the table is under way. The " +
    "control has a client for posts in it too. So the first read waits for the first row, and the second row is all that the CPU " +
    "does until the first post. How much of the difference the read hides was not measured.",
  "- **Echo**: the local cloud does the work of API Gateway, SQS, Lambda and DynamoDB in processes of this machine. On AWS the network " +
    "between these comes on top: three hops within a Region, and the wait in the queue, which took 28 ms (p50), 61 ms (p90) and 645 ms " +
    "(p99) in somebody's measurement of 2022. `ordered: false` has no queue.",
  "- **Events a second**: all sent at once. With the line the events of one client share batches, and wait for one another. Of a hundred " +
    "clients each batch holds what one poll found.",
  "- **Broadcast**: against a sink that answers after 10 ms. Emitter and workers run in one process and share 64 connections. On AWS " +
    "each worker has its own. There the time is that of one worker, about 500 posts, as long as all together stay below the account's " +
    "request rate. Above it the rate decides, and after 20 s posts are [given up](#an-event-to-everyone).",
].join("\n");

const HOW_TO_RUN = `## How to run it

\`\`\`sh
npm run bench                # prints the table
npm run -s bench -- --json   # prints one object with all numbers
npm run bench -- --docs      # writes this page and its plots
\`\`\`

It takes about eight minutes on a machine that has nothing else to do. What is compared is measured in turns. It exits with 1 when \
something that is asked is missed. \`node --import tsx test/bench/post.ts\` and the like run one part alone.`;

function callsSection({ calls_per_event: { ordered, direct } }: Results): string {
  const rowsOf = ({ plain, with_recovery }: CallsOf, suffix: string): string[][] =>
    [
      ...Object.entries(plain),
      ...Object.entries(with_recovery).map(([name, each]) => [`${name}, with recovery`, each] as const),
    ].map(([name, each]) => [
      name.replaceAll("_", " ") + suffix,
      ...[each.messages, each.invocations, each.queue_requests, each.read_units, each.write_units].map(
        (value) => grouped(value, 1),
      ),
    ]);
  const rows = [...rowsOf(ordered, ""), ...rowsOf(direct, ", direct")];
  return [
    "## What an event costs",
    "The local cloud's meter counted these. Messages are API Gateway's, both ways; units are DynamoDB's; queue requests are SQS's. Each " +
      "event was alone in its batch. Ten of one client in a batch share a receive, a delete, a run and a read. A chat message goes to the " +
      "nine others of a room. A connect lasts from the upgrade until the socket is in its room. A resume includes the end of the old " +
      "connection. Of pongs SQS drops nearly all, so that they cost one queue request and no run. `direct` is the prop `ordered: false`.",
    table(["", "messages", "invocations", "queue requests", "read units", "write units"], rows),
  ].join("\n\n");
}
