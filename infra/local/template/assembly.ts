/** A cloud assembly, as `cdk synth` writes it: the one stack's template and the files that go with it. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";
import { TemplateError } from "./errors.ts";
import { isRecord } from "./values.ts";

/** By which name a CDK app can say that it has read a warning. */
const ACKNOWLEDGED_BY = / \[ack: [^\]]*\]$/;

export interface Assembly {
  readonly stackName: string;
  readonly template: Readonly<Record<string, unknown>>;
  /** Asset directories (absolute) by the object key that they are uploaded under. */
  readonly assets: ReadonlyMap<string, string>;
  /** What constructs warn of, as `cdk synth` prints it. */
  readonly warnings: readonly string[];
}

/** Reads `manifest.json` in `dir` and what it names. Throws TemplateError when that is no assembly of exactly one stack. */
export function readAssembly(dir: string): Assembly {
  const root = resolve(dir);
  const manifest = readJson(join(root, "manifest.json"));
  const artifacts = Object.entries(recordAt(manifest, "artifacts"));
  const stacks = artifacts.filter(([, artifact]) => typeOf(artifact) === "aws:cloudformation:stack");
  const [first] = stacks;
  if (first === undefined || stacks.length > 1) {
    const names = stacks.map(([id]) => id).join(", ") || "none";
    throw new TemplateError(
      join(root, "manifest.json"),
      `the local cloud runs exactly one stack, got ${stacks.length} (${names})`,
    );
  }
  const [artifactId, artifact] = first;
  const properties = recordAt(artifact, "properties");
  const { templateFile, stackName } = properties;
  if (typeof templateFile !== "string") {
    throw new TemplateError(join(root, "manifest.json"), `the stack ${artifactId} names no templateFile`);
  }
  const assets = new Map<string, string>();
  for (const [, candidate] of artifacts) {
    if (typeOf(candidate) !== "cdk:asset-manifest") continue;
    const { file } = recordAt(candidate, "properties");
    if (typeof file === "string") readAssets(root, file, assets);
  }
  return {
    stackName: typeof stackName === "string" ? stackName : artifactId,
    template: readJson(join(root, templateFile)),
    assets,
    warnings: readWarnings(root, recordAt(artifact, "metadata"), artifact),
  };
}

/** In the manifest, or in a file that it names. */
function readWarnings(
  root: string,
  inManifest: Readonly<Record<string, unknown>>,
  artifact: unknown,
): readonly string[] {
  const file = isRecord(artifact) ? artifact.additionalMetadataFile : undefined;
  const inFile = typeof file === "string" ? readJson(join(root, file)) : {};
  return [inManifest, inFile]
    .flatMap((metadata) => Object.values(metadata))
    .flatMap((entries) => (Array.isArray(entries) ? entries : []))
    .flatMap((entry) =>
      typeOf(entry) === "aws:cdk:warning" && typeof entry.data === "string"
        ? [entry.data.replace(ACKNOWLEDGED_BY, "")]
        : [],
    );
}

function readAssets(root: string, file: string, into: Map<string, string>): void {
  for (const entry of Object.values(recordAt(readJson(join(root, file)), "files"))) {
    const { path } = recordAt(entry, "source");
    if (typeof path !== "string") continue;
    const absolute = isAbsolute(path) ? path : join(root, path);
    for (const destination of Object.values(recordAt(entry, "destinations"))) {
      if (isRecord(destination) && typeof destination.objectKey === "string") {
        into.set(destination.objectKey, absolute);
      }
    }
  }
}

/** The directory of the bundle that was uploaded under `objectKey`. */
export function assetDirectory(assembly: Assembly, objectKey: string, where: string): string {
  const dir = assembly.assets.get(objectKey);
  if (dir === undefined) {
    throw new TemplateError(where, `no asset of this assembly is uploaded as "${objectKey}"`);
  }
  if (!existsSync(dir) || !statSync(dir).isDirectory()) {
    throw new TemplateError(where, `the local cloud runs code from an asset directory, but ${dir} is none`);
  }
  return dir;
}

function readJson(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new TemplateError(
      file,
      `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const value: unknown = JSON.parse(text);
  if (!isRecord(value)) throw new TemplateError(file, "holds no JSON object");
  return value;
}

function recordAt(value: unknown, key: string): Record<string, unknown> {
  const child = isRecord(value) ? value[key] : undefined;
  return isRecord(child) ? child : {};
}

function typeOf(artifact: unknown): unknown {
  return isRecord(artifact) ? artifact.type : undefined;
}
