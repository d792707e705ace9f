import { priceOf } from "../price.ts";
import type { Results } from "../results.ts";
import { grouped, table } from "./markdown.ts";
import { heartbeatRates, quotas } from "./quotas.ts";
import { round } from "./stats.ts";

/** Which quotas bind when, and what becomes of an event to more than the rate takes. */
export function quotaSection(results: Results): string {
  const lines = quotas(results);
  const [first] = lines;
  const { unavoidable, ordered } = priceOf(results, 1e6).price;
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
    "The price grows in proportion: you pay for use alone, and messages after the first billion are cheaper. A million " +
      `connections of this workload cost $${grouped(ordered.recovery_on.total)} a month with recovery, of which ` +
      `$${grouped(unavoidable)} are unavoidable.`,
    "![Price of the workload](performance/price.svg)",
    "Time grows with the recipients of one event, not with the connections. Requests grow with the connections, and each kind of request " +
      "has a quota. With recovery on, in an hour in which all connections of the workload send, a default account reaches the quotas in " +
      "this order, once the stage's own throttle is raised (100 requests a second by default; the bench runs without it). " +
      `${first ? `The first one binds at about ${grouped(Number(first.binds.toPrecision(2)))} connections.` : ""}`,
    table(["quota", "default", "used by a million connections", "binds at", "what to do"], rows),
    `So a million connections of this workload need about ${times} times the default rate of API Gateway. Ask early for that rate ` +
      "and its burst, and for concurrent executions of Lambda, and warm the table.",
    heartbeatText(results),
    EVERYONE_TEXT,
  ].join("\n\n");
}

function heartbeatText(results: Results): string {
  const { atOnce, cpu } = heartbeatRates(results);
  const numbers =
    `64 posts at once, of 15 ms each (assumed), are ${grouped(atOnce)} a second; the CPU of its 512 MB would manage ${grouped(cpu)}. ` +
    "A run posts for 48 s of a minute.";
  const binds =
    atOnce < cpu ? "the number of posts at once and their latency: at 30 ms it is half as many" : "the CPU";
  return `What limits a run of the heartbeat is ${binds}. ${numbers} Its posts count toward the account's rate.`;
}

const EVERYONE_TEXT = [
  "### An event to everyone",
  "Such an event is one post for each socket. A worker tries a refused post (429) again for 20 s. At the default rate of 10,000 requests a " +
    "second that is 20 × 10,000 = 200,000 posts, if the account sends nothing else. So an event to more than about 200,000 sockets does " +
    "not reach all of them. With recovery off the others do not get it (`SKY_POST_FAILED`). With recovery on their connections are " +
    "ended, and they get it when they come back, at 500 new connections a second. Meanwhile everything else in the account is refused " +
    "too, and posts of other events are given up after 5 s. For larger rooms have the rate raised beforehand, to at least a twentieth " +
    "of their sockets a second: 50,000 for a million.",
].join("\n\n");
