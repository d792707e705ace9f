import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export { SynthError, type SynthOptions, synthesize } from "../../infra/local/synth.ts";

const TEMPLATE = "Skysocket.template.json";

interface Statement {
  readonly Sid: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
}

interface Policies {
  readonly Resources: Readonly<
    Record<
      string,
      { readonly Type: string; readonly Properties: { PolicyDocument: { Statement: Statement[] } } }
    >
  >;
}

/** The names (Sids) of all rights in an assembly, each one statement of infra/constructs/grants.ts. */
export async function grantsOf(assembly: string): Promise<string[]> {
  const template: Policies = JSON.parse(await readFile(join(assembly, TEMPLATE), "utf8"));
  return policiesOf(template).flatMap((policy) => policy.Statement.map((statement) => statement.Sid));
}

/**
 * A copy of an assembly in which one right is missing, as if its line in infra/constructs/grants.ts had been deleted: whatever
 * needs it has to fail in the local cloud, with the action and the resource named.
 * @param sid the right's name, one of {@link grantsOf}
 * @param outdir of the copy
 */
export async function withoutGrant(assembly: string, sid: string, outdir: string): Promise<void> {
  await cp(assembly, outdir, { recursive: true });
  const template: Policies = JSON.parse(await readFile(join(outdir, TEMPLATE), "utf8"));
  let removed = 0;
  for (const policy of policiesOf(template)) {
    const kept = policy.Statement.filter((statement) => statement.Sid !== sid);
    removed += policy.Statement.length - kept.length;
    policy.Statement = kept;
  }
  if (removed !== 1) throw new Error(`Expected one statement with the Sid ${sid}, found ${removed}.`);
  await writeFile(join(outdir, TEMPLATE), JSON.stringify(template, null, 1));
}

/** A copy of an assembly in which connections are pinged every so many minutes, for those who cannot wait for eight. */
export async function withPingInterval(assembly: string, minutes: number, outdir: string): Promise<void> {
  await cp(assembly, outdir, { recursive: true });
  const template = await readFile(join(outdir, TEMPLATE), "utf8");
  const changed = template.replaceAll(/("PING_INTERVAL_MINUTES": )"8"/g, `$1"${minutes}"`);
  if (changed === template) throw new Error("The template does not say how often connections are pinged.");
  await writeFile(join(outdir, TEMPLATE), changed);
}

/**
 * A copy of an assembly in which a function fails at its asynchronous events, since it may not run when they come.
 * @param of how the function's logical id begins
 */
export async function starved(
  assembly: string,
  {
    of,
    reserved,
    maxAgeSec,
  }: { readonly of: string; readonly reserved: number; readonly maxAgeSec?: number },
  outdir: string,
): Promise<void> {
  await cp(assembly, outdir, { recursive: true });
  const template: Functions = JSON.parse(await readFile(join(outdir, TEMPLATE), "utf8"));
  const resources = Object.entries(template.Resources);
  const found = resources.filter(([id, { Type }]) => id.startsWith(of) && Type === "AWS::Lambda::Function");
  const [fn] = found;
  if (fn === undefined || found.length > 1) throw new Error(`Not exactly one function is called ${of}…`);
  fn[1].Properties.ReservedConcurrentExecutions = reserved;
  for (const [, { Type, Properties }] of resources) {
    if (Type !== "AWS::Lambda::EventInvokeConfig" || maxAgeSec === undefined) continue;
    if (JSON.stringify(Properties.FunctionName) !== JSON.stringify({ Ref: fn[0] })) continue;
    Properties.MaximumEventAgeInSeconds = maxAgeSec;
  }
  await writeFile(join(outdir, TEMPLATE), JSON.stringify(template, null, 1));
}

interface Functions {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties: Record<string, unknown> }>
  >;
}

function policiesOf(template: Policies): { Statement: Statement[] }[] {
  return Object.values(template.Resources)
    .filter(({ Type }) => Type === "AWS::IAM::Policy")
    .map(({ Properties }) => Properties.PolicyDocument);
}
