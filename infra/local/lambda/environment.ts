/** The variables that Lambda itself sets; a function cannot override them. */
import type { WorkerCredentials } from "../iam/iam.ts";
import type { FunctionModel } from "../model.ts";

/** @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime */
export function runtimeEnvironment(
  fn: FunctionModel,
  instance: {
    readonly region: string;
    readonly credentials: WorkerCredentials;
    readonly logGroup: string;
    readonly logStream: string;
  },
): Record<string, string> {
  const { credentials } = instance;
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_DEFAULT_REGION: instance.region,
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: instance.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: instance.logStream,
    AWS_REGION: instance.region,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    LAMBDA_RUNTIME_DIR: "/var/runtime",
    LAMBDA_TASK_ROOT: fn.codeDir,
    LANG: "en_US.UTF-8",
    PATH: "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    TZ: ":UTC",
    _HANDLER: fn.handler,
  };
}
