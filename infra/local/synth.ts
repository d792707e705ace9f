import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { codeFile } from "../package-files.ts";

const APP = codeFile("infra/app.ts");

/** Requests a second, and how many at once. */
export interface Throttle {
  readonly ratePerSec: number;
  readonly burst: number;
}

export interface SynthOptions {
  /** The application module, absolute or relative to the working directory; the example without it. */
  readonly app?: string;
  /** Directory of the assembly; should be empty or not exist, since CDK reuses bundles that it finds there. */
  readonly outdir: string;
  /** @default that of the construct */
  readonly ordered?: boolean;
  readonly routeResponses?: boolean;
  /** Of the stage. @default that of the construct */
  readonly throttle?: Throttle;
  /** Absolute path of another CDK app than this package's. */
  readonly cdkApp?: string;
  /**
   * Runs CDK's own rules for good templates too, as `cdk synth` does, and fails on what they find. Takes as long as all the
   * rest.
   * @default false
   */
  readonly checkRules?: boolean;
  /** Ends the synthesis early. */
  readonly signal?: AbortSignal;
}

/** The CDK app failed; the message is what it had to say to a person. */
export class SynthError extends Error {
  override readonly name = "SynthError";
  readonly code = "SYNTH_FAILED";
}

/**
 * Synthesizes the CDK app as `cdk synth` does: in a process of its own, given context and output directory by environment.
 * In this process the 10,000 modules of CDK would stay loaded, and an edited construct would not be seen again.
 * @throws SynthError with the CDK app's own message
 */
export async function synthesize(options: SynthOptions): Promise<{ readonly outdir: string }> {
  const context = {
    ...(options.app !== undefined && { app: resolve(options.app) }),
    ...(options.ordered !== undefined && { ordered: options.ordered }),
    ...(options.routeResponses && { routeResponses: true }),
    ...(options.throttle && { throttle: `${options.throttle.ratePerSec},${options.throttle.burst}` }),
    "@aws-cdk/core:validateAgainstDefaultRules": options.checkRules === true,
  };
  const cdkApp = options.cdkApp ?? APP;
  const child = spawn(process.execPath, [...loaderOf(cdkApp), cdkApp], {
    env: childEnvironment({
      CDK_OUTDIR: options.outdir,
      CDK_CONTEXT_JSON: JSON.stringify(context),
      CDK_VALIDATION: String(options.checkRules === true),
    }),
    stdio: ["ignore", "ignore", "pipe"],
    ...(options.signal && { signal: options.signal }),
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  const { code, signal } = await ended(child);
  if (code !== 0) throw new SynthError(explain(stderr, code, signal));
  return { outdir: options.outdir };
}

/** What Node needs to load TypeScript. */
function loaderOf(file: string): string[] {
  if (!/\.[mc]?ts$/.test(file)) return [];
  return ["--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href];
}

/** Options meant for the parent (a debugger's port, Jest's loader flags) are not for this child. */
function childEnvironment(own: Record<string, string>): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _parents, ...environment } = process.env;
  return { ...environment, ...own };
}

function ended(
  child: ReturnType<typeof spawn>,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolved, rejected) => {
    child.once("error", rejected);
    // Not "exit": output may still be on its way then.
    child.once("close", (code, signal) => resolved({ code, signal }));
  });
}

/** What the CDK app printed, without the progress lines. */
function explain(stderr: string, code: number | null, signal: NodeJS.Signals | null): string {
  const said = stderr
    .split("\n")
    .filter((line) => !line.startsWith("Bundling asset "))
    .join("\n")
    .trim();
  return said !== "" ? said : `The CDK app ended with ${signal ?? `exit code ${code}`} and printed nothing.`;
}
