import type { Results } from "../results.ts";
import { grouped, table } from "./markdown.ts";

/** What a month of the workload costs, beside others, and what that leaves out. */
export function priceSection(results: Results): string {
  const { unavoidable, ordered, direct, others } = results.price;
  const dollars = (value: number): string => `$${grouped(value)}`;
  const ours = [
    { name: "recovery off", bill: ordered.recovery_off },
    { name: "recovery on", bill: ordered.recovery_on },
    { name: "`ordered: false`, recovery off", bill: direct.recovery_off },
    { name: "`ordered: false`, recovery on", bill: direct.recovery_on },
  ].map(({ name, bill }) => [
    `Skysocket, ${name}`,
    dollars(bill.total),
    `API Gateway ${dollars(bill.api_gateway)}, Lambda ${dollars(bill.lambda)}, DynamoDB ${dollars(bill.dynamodb)}` +
      (bill.sqs > 0 ? `, SQS ${dollars(bill.sqs)}` : ""),
  ]);
  const names: Readonly<Record<string, readonly [string, string]>> = {
    appsync_events: ["AppSync Events", "each of the ten members is an operation; handlers cost extra"],
    azure_web_pubsub: [
      "Azure Web PubSub for Socket.IO",
      "10 units, messages of 256 bytes; your server costs extra",
    ],
    ably: ["Ably", "Standard; your server costs extra"],
    pusher: ["Pusher Channels", "the plan that holds it; your server costs extra"],
  };
  const theirs = Object.entries(others).map(([name, price]) => [
    names[name]?.[0] ?? name,
    dollars(price),
    names[name]?.[1] ?? "",
  ]);
  return [
    "## What a month costs",
    "The workload: 10,000 connections are held for 30 days in rooms of ten. Each sends one message a minute, 8 hours on 22 days. That is " +
      "105.6 million messages in, 950.4 million out, 432 million connection minutes, a reconnect every 2 hours and a ping every 8 " +
      "minutes. The prices are list prices of us-east-1, without free tiers and data transfer. Assumed: an event runs 45 ms at 512 MB, " +
      `a pong 2 ms (our code takes ${grouped(results.event_cpu_us.pong, 1)} µs of CPU for it; Lambda bills whole milliseconds), and a ` +
      "run of the heartbeat 1 s. Each event is alone in its batch, which costs most: three requests of SQS. Where batches hold more, less.",
    table(
      ["", "a month", ""],
      [
        ["Its messages and connection minutes at API Gateway alone", dollars(unavoidable), "unavoidable"],
        ...ours,
        ...theirs,
      ],
    ),
    notCounted(results),
  ].join("\n\n");
}

function notCounted({ price }: Results): string {
  const { not_counted, slow_pongs, ordered, direct, unavoidable } = price;
  const withLogs = ({ total }: { total: number }) => grouped((total + not_counted.logs) / unavoidable, 3);
  return [
    "Not counted:\n",
    `- **Logs**: Lambda writes START, END and REPORT for each run, about 285 bytes. At $0.50/GB that is $${grouped(not_counted.logs)} a ` +
      `month, and the ratios become ${withLogs(ordered.recovery_off)} and ${withLogs(ordered.recovery_on)} times the unavoidable. What your handlers log ` +
      "costs extra.",
    "- **Two small reads for each connection**: after two and five minutes the heartbeat looks whether a namespace was joined, " +
      `$${not_counted.join_checks.toFixed(2)}.`,
    "- **Storage and backups** of the table, and the time of cold starts.",
    "- **Empty receives** of the line: about $0.32 a month, within the million requests that SQS gives.",
    "- **Longer pongs**, with `ordered: false`: at 45 ms like an event the ratios would be " +
      `${grouped(slow_pongs.recovery_off, 3)} with recovery off and ${grouped(slow_pongs.recovery_on, 3)} with it on, instead of ` +
      `${grouped(direct.recovery_off.ratio, 3)} and ${grouped(direct.recovery_on.ratio, 3)}.`,
  ].join("\n");
}
