import type { Calls } from "../calls.ts";
import type { Results } from "../main.ts";
import { priceOf } from "../price.ts";
import { draw, type Plot } from "./plots.ts";
import { quotas } from "./quotas.ts";
import { type Row, rowsOf } from "./rows.ts";
import { round } from "./stats.ts";

const CONNECTIONS = [10_000, 30_000, 100_000, 300_000, 1_000_000];

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const grouped = (value: number, digits = 0): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: digits });

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
    "- **Echo**: the local cloud does the work of API Gateway, Lambda and DynamoDB in processes of this machine. On AWS the network " +
      "between these comes on top: three hops within a Region.\n" +
      "- **Broadcast**: against a sink that answers after 10 ms, emitter and workers in one process, which share 64 connections. On " +
      "AWS each worker has its own: the time then is that of one worker, about 500 posts.",
    "![Time of a broadcast](performance/fan-out-time.svg)\n\n![Memory of a broadcast](performance/fan-out-memory.svg)",
    "## How to run it\n\n```sh\nnpm run bench                # prints the table\nnpm run -s bench -- --json   # one object with all numbers\n" +
      "npm run bench -- --docs      # writes this page and its plots\n```\n\nIt takes about seven minutes, on a machine that has nothing else to do. What is compared is measured in turns, and ratios are " +
      "medians over pairs of runs that lie beside each other. " +
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

function priceSection(results: Results): string {
  const { unavoidable, recovery_off, recovery_on, others } = results.price;
  const dollars = (value: number): string => `$${grouped(value)}`;
  const ours = [
    { name: "recovery off", bill: recovery_off },
    { name: "recovery on", bill: recovery_on },
  ].map(({ name, bill }) => [
    `Skysocket, ${name}`,
    dollars(bill.total),
    `API Gateway ${dollars(bill.api_gateway)}, Lambda ${dollars(bill.lambda)}, DynamoDB ${dollars(bill.dynamodb)}`,
  ]);
  const names: Readonly<Record<string, readonly [string, string]>> = {
    appsync_events: ["AppSync Events", "each of the ten members is an operation; its handlers come on top"],
    azure_web_pubsub: [
      "Azure Web PubSub for Socket.IO",
      "10 units, messages of 256 bytes; your server comes on top",
    ],
    ably: ["Ably", "Standard; your server comes on top"],
    pusher: ["Pusher Channels", "the plan that holds it; your server comes on top"],
  };
  const theirs = Object.entries(others).map(([name, price]) => [
    names[name]?.[0] ?? name,
    dollars(price),
    names[name]?.[1] ?? "",
  ]);
  return [
    "## What a month costs",
    "10,000 connections held for 30 days in rooms of ten; each sends one message a minute, 8 hours on 22 days: 105.6 million messages in, " +
      "950.4 million out, 432 million connection minutes, a reconnect every 2 hours, a ping every 8 minutes. List prices of us-east-1 " +
      "without free tiers and data transfer. Assumed: an event runs 45 ms at 512 MB, a pong 2 ms (our code takes " +
      `${grouped(results.event_cpu_us.pong, 1)} µs of CPU for it; Lambda bills whole milliseconds), a run of the heartbeat 1 s.`,
    table(
      ["", "a month", ""],
      [
        ["Its messages and connection minutes at API Gateway alone", dollars(unavoidable), "unavoidable"],
        ...ours,
        ...theirs,
      ],
    ),
  ].join("\n\n");
}

function quotaSection(results: Results): string {
  const lines = quotas(results);
  const [first] = lines;
  const million = priceOf(results, 1e6).price;
  const gateway = lines.find(({ quota }) => quota.startsWith("API Gateway: requests"));
  const times = grouped(1e6 / (gateway?.binds ?? Number.NaN));
  const rows = lines.map((line) => [
    `[${line.quota}](${line.source})`,
    `${grouped(line.limit)} ${line.unit}`,
    grouped(round(line.perConnection * 1e6, 0)),
    grouped(Number(line.binds.toPrecision(2))),
    line.remedy,
  ]);
  return [
    "## A million connections, on paper",
    "The price grows in proportion: every part of it is paid by use, and messages after the first billion are cheaper. A million " +
      `connections of this workload cost $${grouped(million.recovery_on.total)} a month with recovery, of which ` +
      `$${grouped(million.unavoidable)} are unavoidable.`,
    "![Price of the workload](performance/price.svg)",
    "Time does not grow with the connections, but with the recipients of one event. What grows are the requests, and each kind of them " +
      "has a quota. With recovery on, in an hour in which all connections of the workload send, a default account meets them in this " +
      `order; ${first ? `the first one binds at about ${grouped(Number(first.binds.toPrecision(2)))} connections` : ""}.`,
    table(["quota", "default", "used by a million connections", "binds at", "what to do"], rows),
    `So a million connections of this workload need about ${times} times the default rate of API Gateway: ask for it early, with the ` +
      "burst, and with it for concurrent executions of Lambda, and warm the table. An event to _everyone_ is one post for each: at the " +
      "default rate a million of them take 100 seconds, in which nothing else of the account is sent.",
  ].join("\n\n");
}
