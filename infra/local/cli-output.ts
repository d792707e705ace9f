import { styleText } from "node:util";
import type { LocalCloud } from "./cloud.ts";
import type { LogLine } from "./model.ts";

const COLORS: Readonly<Record<LogLine["level"], Parameters<typeof styleText>[0]>> = {
  debug: "dim",
  info: "reset",
  warn: "yellow",
  error: "red",
};

/** Characters of an invocation's id that tell it from its neighbours. */
const SHORT_ID = 8;

/** `12:34:56.789 Function 1a2b3c4d text`, colored by level where colors are shown. */
export function formatLine(line: LogLine, colors: boolean): string {
  const time = new Date(line.at).toISOString().slice(11, 23);
  // CDK's hash at the end of a logical id tells a person nothing.
  const name = line.functionId.replace(/[0-9A-F]{8}$/, "");
  const invocation = line.requestId.slice(0, SHORT_ID) || "-".repeat(SHORT_ID);
  const level = line.level === "info" ? "" : `${line.level.toUpperCase()} `;
  const text = `${time} ${name} ${invocation} ${level}${line.text}`;
  return colors ? styleText(COLORS[line.level], text) : text;
}

/** The one line of `--json`. */
export function readyLine({ url, path, ws }: Pick<LocalCloud, "url" | "path" | "ws">): string {
  return JSON.stringify({ url, path, ws });
}

/** What a person needs to know when it is ready. */
export function readyText(cloud: Pick<LocalCloud, "url" | "path" | "ws">, app: string): string {
  return `
Skysocket runs ${app}

  Page       ${cloud.url}
  WebSocket  ${cloud.ws}
  Client     io("${cloud.url}", { path: "${cloud.path}", transports: ["websocket"], forceBase64: true })

Saving the application restarts it. Ctrl-C ends.
`;
}

/** What went wrong in one line: without stack and code frames, which the messages of tools come with. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(?:at |\d+ │|[│╵~^]|Node\.js v)/.test(line))
    .map((line) => line.replace(/^✘ \[ERROR\] /, ""))
    .join(" ");
}
