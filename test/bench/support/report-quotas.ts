import { priceOf } from "../price.ts";
import type { Results } from "../results.ts";
import { grouped, table } from "./markdown.ts";
import { heartbeatRates, quotas } from "./quotas.ts";
import { round } from "./stats.ts";

/** Which quotas bind when, and what becomes of an event to more than the rate takes. */
export function quotaSection(results: Results): string {
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
      "burst, and with it for concurrent executions of Lambda, and warm the table.",
    heartbeatText(results),
    EVERYONE_TEXT,
  ].join("\n\n");
}

function heartbeatText(results: Results): string {
  const { atOnce, cpu } = heartbeatRates(results);
  const numbers =
    `64 posts at once, of 15 ms each (assumed), are ${grouped(atOnce)} a second; the CPU of its 512 MB would do ${grouped(cpu)}. ` +
    "It posts for 48 s of a minute.";
  const binds =
    atOnce < cpu ? "the posts at once and their latency bind: at 30 ms it is half" : "the CPU binds";
  return `Of a run of the heartbeat ${binds}. ${numbers} Its posts count in the account's rate.`;
}

const EVERYONE_TEXT = [
  "### An event to everyone",
  "It is one post for each. At the default rate of 10,000 requests a second a worker's post that is refused (429) is tried again for " +
    "20 s: 20 × 10,000 = 200,000 posts, if the account sends nothing else. So an event to more than about 200,000 sockets does " +
    "not reach all of them. With recovery off the others do not get it (`SKY_POST_FAILED`); with recovery on their connections are " +
    "ended, and they get it when they come back, at 500 new connections a second. Meanwhile all else of the account is refused too, and " +
    "posts of other events are given up after 5 s. For larger rooms have the rate raised before, to at least a twentieth of their " +
    "sockets a second: 50,000 for a million.",
].join("\n\n");
