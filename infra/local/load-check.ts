import { LocalCloudError } from "./errors.ts";
import type { Iam } from "./iam/iam.ts";
import { runtimeEnvironment } from "./lambda/environment.ts";
import { Instance } from "./lambda/instance.ts";
import type { CloudModel, FunctionModel } from "./model.ts";

/**
 * Starts one instance of every function, to see that its code loads, and ends it again: an application that throws at
 * start is told of now and not with the first client, and a rebuilt one never replaces one that works.
 * @param app for the message
 * @throws LocalCloudError naming the first function that does not load, with what it threw
 */
export async function checkFunctions(
  model: CloudModel,
  app: string | undefined,
  iam: Iam,
  env: (functionId: string) => Readonly<Record<string, string>>,
): Promise<void> {
  const failures = await Promise.all(model.functions.map((fn) => failureOf(fn, model.region, iam, env)));
  const failure = failures.find((message) => message !== undefined);
  if (failure === undefined) return;
  throw new LocalCloudError("FUNCTION_NOT_LOADED", `${app ?? "The application"} does not load: ${failure}`);
}

async function failureOf(
  fn: FunctionModel,
  region: string,
  iam: Iam,
  env: (functionId: string) => Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const credentials = iam.credentialsFor(fn);
  const logGroup = `/aws/lambda/${fn.name}`;
  const logStream = "load-check";
  const runtime = runtimeEnvironment(fn, { region, credentials, logGroup, logStream });
  const instance = new Instance({
    fn,
    credentials,
    env: { ...fn.environment, ...env(fn.logicalId), ...runtime },
    logGroup,
    logStream,
    skewMs: 0,
    // What the code prints while it loads comes again with the first real instance.
    onLog: () => {},
  });
  try {
    const outcome = await instance.initialized;
    if (outcome === undefined || outcome.kind === "succeeded") return undefined;
    const what = outcome.kind === "timeout" ? "it took too long" : `${outcome.errorType}: ${outcome.message}`;
    return `${what} (in the function ${fn.logicalId})`;
  } finally {
    await instance.terminate();
  }
}
