/** A new instance of a function, with what Lambda gives it: credentials, a log stream, an environment. */
import { randomBytes } from "node:crypto";
import { AuthError } from "../iam/errors.ts";
import type { Iam } from "../iam/iam.ts";
import type { FunctionModel, LogLine } from "../model.ts";
import { runtimeEnvironment } from "./environment.ts";
import { Instance } from "./instance.ts";

export interface InstancesOptions {
  readonly region: string;
  readonly iam: Iam;
  /** What the cloud adds to the function's environment, such as endpoints. */
  readonly env: (functionId: string) => Readonly<Record<string, string>>;
  readonly skewMs: (functionId: string) => number;
  readonly onLog: (line: LogLine) => void;
}

/** Throws when no thread can be started. */
export function newInstance(fn: FunctionModel, options: InstancesOptions): Instance {
  const { iam, region, env, skewMs, onLog } = options;
  const credentials = iam.credentialsFor(fn);
  const logGroup = fn.logGroup ?? `/aws/lambda/${fn.name}`;
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
  const logStream = `${day}/[$LATEST]${randomBytes(16).toString("hex")}`;
  checkLogGrants(fn, `log-group:${logGroup}:log-stream:${logStream}`, options);
  const runtime = runtimeEnvironment(fn, { region, credentials, logGroup, logStream });
  return new Instance({
    fn,
    credentials,
    env: { ...fn.environment, ...env(fn.logicalId), ...runtime },
    logGroup,
    logStream,
    skewMs: skewMs(fn.logicalId),
    onLog,
  });
}

/**
 * On AWS a function without these grants runs, and its log is lost without a word. Here the log is shown all the same, since
 * whoever reads of the denial wants to read on.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
 */
function checkLogGrants(fn: FunctionModel, logStream: string, { iam, region }: InstancesOptions): void {
  const account = fn.arn.split(":")[4] ?? "";
  const caller = { functionId: fn.logicalId, functionName: fn.name, statements: fn.statements };
  for (const action of ["logs:CreateLogStream", "logs:PutLogEvents"]) {
    try {
      iam.authorize(caller, action, `arn:aws:logs:${region}:${account}:${logStream}`);
    } catch (error) {
      // The listener has been told; it is no reason not to run.
      if (!(error instanceof AuthError)) throw error;
    }
  }
}
