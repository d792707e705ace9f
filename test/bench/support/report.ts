import type { Calls } from "../calls.ts";
import { priceOf } from "../price.ts";
import type { Results } from "../results.ts";
import { grouped, table } from "./markdown.ts";
import { draw, type Plot } from "./plots.ts";
import { priceSection } from "./report-price.ts";
import { quotaSection } from "./report-quotas.ts";
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
        { name: "recovery on", points: prices.map(({ count, recovery_on }) => [count, recovery_on.total]) },
        {
          name: "recovery off",
          points: prices.map(({ count, recovery_off }) => [count, recovery_off.total]),
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
  return `${[
    "# Performance",
    "`npm run bench -- --docs` has measured and written this. Each number is a median and has its control in the same run. " +
      `This run: ${machine}. Nothing of it has been measured on AWS.`,
    table(["", "ours", "control", "asked"], measured),
    'A ratio of times under "asked" is the median over pairs of runs that lie beside each other. It is not always the quotient of the two ' +
      "medians in its row.",
    "- **Loading**: the first row of a function is its `index.mjs`. The second has `skysocket-service.mjs` with it, one after the other: " +
      "the client that posts and starts tasks, which the first event of an instance loads while its first read of the table is under " +
      "way. The control has a client for posts in it too. So the first row is what the first read waits for, and the second is all " +
      "that the CPU does until the first post; how much of the difference the read hides is not measured.\n" +
      "- **Echo**: the local cloud does the work of API Gateway, Lambda and DynamoDB in processes of this machine. On AWS the network " +
      "between these comes on top: three hops within a Region.\n" +
      "- **Broadcast**: against a sink that answers after 10 ms, emitter and workers in one process, which share 64 connections. On " +
      "AWS each worker has its own: the time then is that of one worker, about 500 posts, as long as all together stay below the " +
      "account's request rate. Above it the rate decides, and beyond 20 s of it posts are [given up](#an-event-to-everyone).",
    "![Time of a broadcast](performance/fan-out-time.svg)\n\n![Memory of a broadcast](performance/fan-out-memory.svg)",
    "## How to run it\n\n```sh\nnpm run bench                # prints the table\nnpm run -s bench -- --json   # one object with all numbers\n" +
      "npm run bench -- --docs      # writes this page and its plots\n```\n\nIt takes about seven minutes, on a machine that has nothing else to do. What is compared is measured in turns. It ends with 1 when something asked is missed. " +
      "`node --import tsx test/bench/post.ts` and its like run one part alone.",
    callsSection(results),
    priceSection(results),
    quotaSection(results),
  ].join("\n\n")}\n`;
}

function callsSection({ calls_per_event: { runs: _, with_recovery, ...calls } }: Results): string {
  const cells = (name: string, each: Calls): string[] => [
    name.replaceAll("_", " "),
    ...[each.messages, each.invocations, each.read_units, each.write_units].map((value) => grouped(value, 1)),
  ];
  const rows = [
    ...Object.entries(calls).map(([name, each]) => cells(name, each)),
    ...Object.entries(with_recovery).map(([name, each]) => cells(`${name}, with recovery`, each)),
  ];
  return [
    "## What an event costs",
    "Counted by the local cloud's meter. Messages are API Gateway's, both ways; units are DynamoDB's. A chat message goes to the nine " +
      "others of a room; a connect is counted from the upgrade until the socket is in its room; a resume has the end of the old " +
      "connection in it.",
    table(["", "messages", "invocations", "read units", "write units"], rows),
  ].join("\n\n");
}
