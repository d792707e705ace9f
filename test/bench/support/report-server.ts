import type { Results } from "../results.ts";
import { grouped, table } from "./markdown.ts";
import { capacityOf, MONTH_SECONDS, piecesOf, SERVER } from "./small-server.ts";

const dollars = (value: number): string => `$${value.toFixed(value < 1 ? 3 : 2)}`;
const about = (value: number): string => grouped(Number(value.toPrecision(2)), 2);

/** From which load on a small server costs less, and how far it goes. */
export function serverSection(results: Results): string {
  const pieces = piecesOf(results);
  const left = SERVER.dollars - pieces.idle;
  const row = (name: string, each: number): string[] => [name, dollars(each), about(left / each)];
  const million = (name: string, each: number): string[] => {
    const count = left / each;
    return [
      name,
      dollars(each * 1e6),
      `${about(count / 1e6)} million, one every ${about(MONTH_SECONDS / count)} s`,
    ];
  };
  return [
    "## A small server beside it",
    `A server for ${dollars(SERVER.dollars)} a month is about Amazon's t3.micro: 1 GB of memory, and 10 % of each of two cores all the ` +
      "time. Its disk, address and data transfer come on top. This is how much the same money buys here:",
    table(
      ["", "costs", `${dollars(SERVER.dollars)} a month buy, beside the idle stack`],
      [
        ["the idle stack, for a month", dollars(pieces.idle), ""],
        row("a connection that says nothing, for a month", pieces.connection),
        row("a connection of the workload above, recovery off", pieces.chatting.off),
        row("a connection of the workload above, recovery on", pieces.chatting.on),
        million("a million echoes with acknowledgement", pieces.echo),
        million("a million chat messages to nine others", pieces.chat),
        row("one hour with 10,000 connections of the workload", pieces.hour),
      ],
    ),
    serverText(results),
  ].join("\n\n");
}

function serverText(results: Results): string {
  const { stock_server: use } = results;
  const capacity = capacityOf(results);
  return (
    `A stock Socket.IO server used ${grouped(use.message_cpu_us, 1)} µs of CPU for a chat message to nine others, and ` +
    `${grouped(use.connection_kb, 1)} KB of memory for a connection, both measured on this machine without TLS. On paper a ` +
    `${dollars(SERVER.dollars)} server therefore carries about ${about(capacity.chatsPerSecond)} such messages a second all the time, and ` +
    `${about(capacity.connections)} connections. The 10,000 connections of the workload use ` +
    `${grouped(100 * capacity.workloadShare, 1)} % of a core in a busy hour, and ${about(capacity.workloadBytes / 1e6)} MB.`
  );
}
