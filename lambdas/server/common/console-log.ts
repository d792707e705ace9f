import type { Log } from "../ports/environment.ts";

/** One line an entry, so that CloudWatch keeps it together: level by method, then code, message and details as JSON. */
export const consoleLog: Log = {
  error: (code, message, details) => console.error(line(code, message, details)),
  warn: (code, message, details) => console.warn(line(code, message, details)),
};

function line(code: string, message: string, details: Readonly<Record<string, unknown>> | undefined): string {
  const tail = details && Object.keys(details).length > 0 ? ` ${JSON.stringify(details)}` : "";
  return `[skysocket] ${code}: ${message}${tail}`;
}
