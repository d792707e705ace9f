import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PACKAGE_ROOT } from "../package-files.ts";
import { LocalCloudError } from "./errors.ts";
import { isPlain } from "./hosts.ts";

const DEFAULT_PORT = 3000;
const DEFAULT_INSTANCES = 2;
/** Each is a thread with the whole application in it. */
const MAX_INSTANCES = 32;
const EXAMPLE = join(PACKAGE_ROOT, "lambdas/app.ts");

export const HELP = `Runs a Socket.IO application on this machine as it would run on AWS.

  npm run dev -- [--app FILE] [--port N] [--host NAME]... [--dynamodb URL] [--instances N] [--json]

  --app FILE      module that default-exports a Server of "skysocket" (default: the example chat, lambdas/app.ts)
  --port N        port on 127.0.0.1; 0 takes any that is free (default: ${DEFAULT_PORT})
  --host NAME     another name that it answers to, beside 127.0.0.1, localhost and [::1]: that of a tunnel, or an address of this
                  machine such as 192.168.1.20, at which it listens then, for a phone in the same network. Can be given again
  --dynamodb URL  endpoint of a DynamoDB to use instead of the embedded one, such as http://127.0.0.1:8000
  --instances N   instances of a function that answer events in turn, 1 to ${MAX_INSTANCES}. What works with 1 only, because the last instance
                  answers again and still has its variables, fails on AWS (default: ${DEFAULT_INSTANCES})
  --json          print one line of JSON when ready, and the logs on stderr
  --help          print this
`;

export interface CliOptions {
  /** Absolute path. */
  readonly app: string;
  readonly port: number;
  readonly hosts: readonly string[];
  readonly dynamodb: string | undefined;
  readonly instances: number;
  readonly json: boolean;
  readonly help: boolean;
}

/** Reads the command line. Throws LocalCloudError for what it does not understand. */
export function parseOptions(args: readonly string[]): CliOptions {
  const values = parse(args);
  return {
    app: resolve(values.app ?? EXAMPLE),
    port: portOf(values.port),
    hosts: (values.host ?? []).map(hostOf),
    dynamodb: endpointOf(values.dynamodb),
    instances: instancesOf(values.instances),
    json: values.json ?? false,
    help: values.help ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        app: { type: "string" },
        port: { type: "string" },
        host: { type: "string", multiple: true },
        dynamodb: { type: "string" },
        instances: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw invalid(`${error instanceof Error ? error.message : String(error)} See --help.`, error);
  }
}

function portOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw invalid(`--port takes a number from 0 to 65535, but got "${text}". With 0 any free port is taken.`);
}

function instancesOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_INSTANCES;
  const instances = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (instances >= 1 && instances <= MAX_INSTANCES) return instances;
  throw invalid(`--instances takes a number from 1 to ${MAX_INSTANCES}, but got "${text}".`);
}

function hostOf(text: string): string {
  if (isPlain(text)) return text;
  throw invalid(
    `--host takes a name or an address, such as my-laptop.local or 192.168.1.20, but got "${text}".`,
  );
}

function endpointOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url.origin;
  throw invalid(`--dynamodb takes an http or https URL such as http://127.0.0.1:8000, but got "${text}".`);
}

function invalid(message: string, cause?: unknown): LocalCloudError {
  return new LocalCloudError("OPTIONS_INVALID", message, { cause });
}
