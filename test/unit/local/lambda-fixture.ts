/** Bundles and functions for the tests of the emulated services. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createIam, type Denial, type Iam } from "../../../infra/local/iam/iam.ts";
import { createLambda, type LambdaOptions, type LocalLambda } from "../../../infra/local/lambda/lambda.ts";
import type { CloudEvent, FunctionModel, LogLine } from "../../../infra/local/model.ts";
import { Queues } from "../../../infra/local/sqs/queues.ts";
import { standardModel } from "./sqs-fixture.ts";

export const ACCOUNT = "000000000000";
export const REGION = "us-east-1";
/** A source that every function of these tests lets in. */
export const SOURCE = {
  principal: "apigateway.amazonaws.com",
  arn: "arn:aws:execute-api:x:y:api/prod/$connect",
};

/** A function whose bundle is `code`, an ES module that exports `handler`. */
export async function makeFunction(
  code: string,
  overrides: Partial<FunctionModel> = {},
  file = "index.mjs",
): Promise<FunctionModel> {
  const codeDir = await mkdtemp(join(tmpdir(), "bundle-"));
  await writeFile(join(codeDir, file), code);
  const name = overrides.name ?? "stack-Fn";
  return {
    logicalId: "Fn",
    name,
    arn: `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${name}`,
    codeDir,
    handler: "index.handler",
    environment: {},
    timeoutSec: 5,
    memoryMb: 128,
    statements: [],
    asyncRetries: 2,
    asyncMaxAgeSec: 21_600,
    permissions: [{ principal: SOURCE.principal, sourceArn: undefined }],
    ...overrides,
  };
}

export interface LambdaBench {
  readonly lambda: LocalLambda;
  readonly iam: Iam;
  /** One standard queue, called failed. */
  readonly queues: Queues;
  readonly logs: LogLine[];
  readonly events: CloudEvent[];
  readonly denials: Denial[];
  /** Resolves with the first line, past or future, whose text contains `part`. */
  logged(part: string): Promise<LogLine>;
  stop(): Promise<void>;
}

/** The emulated Lambda with these functions; `stop` removes their bundles, too. */
export async function startLambda(
  functions: readonly FunctionModel[],
  options: Partial<LambdaOptions> = {},
): Promise<LambdaBench> {
  const logs: LogLine[] = [];
  const events: CloudEvent[] = [];
  const denials: Denial[] = [];
  const waiting = new Set<{ part: string; resolve: (line: LogLine) => void }>();
  const iam = createIam({ account: ACCOUNT, onDenied: (denial) => denials.push(denial) });
  const queues = new Queues({ queues: [standardModel("failed")], iam, onEvent: () => {} });
  const lambda = await createLambda({
    model: { region: REGION, functions },
    iam,
    queues,
    env: () => ({}),
    onLog(line) {
      logs.push(line);
      for (const waiter of waiting) {
        if (!line.text.includes(waiter.part)) continue;
        waiting.delete(waiter);
        waiter.resolve(line);
      }
    },
    onEvent: (event) => events.push(event),
    ...options,
  });
  return {
    lambda,
    iam,
    queues,
    logs,
    events,
    denials,
    async logged(part) {
      const past = logs.find((line) => line.text.includes(part));
      return past ?? (await new Promise((resolve) => waiting.add({ part, resolve })));
    },
    async stop() {
      await lambda.stop();
      await Promise.all(functions.map((fn) => rm(fn.codeDir, { recursive: true, force: true })));
    },
  };
}
