/** Reading resolved template values: what is not as expected is a TemplateError that says where. */
import { TemplateError } from "./errors.ts";

/** A resolved JSON object, and where it stands in the template. */
export interface Node {
  readonly where: string;
  readonly value: Readonly<Record<string, unknown>>;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function optionalString(node: Node, key: string): string | undefined {
  const value = node.value[key];
  if (value === undefined || typeof value === "string") return value;
  // CloudFormation takes numbers and booleans for strings.
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new TemplateError(`${node.where}.${key}`, `a string is expected, got ${JSON.stringify(value)}`);
}

export function requiredString(node: Node, key: string): string {
  const value = optionalString(node, key);
  if (value === undefined) throw new TemplateError(`${node.where}.${key}`, "is required, but not there");
  return value;
}

/** A number, also as a numeric string, since CloudFormation takes both. */
export function optionalNumber(node: Node, key: string): number | undefined {
  const value = node.value[key];
  if (value === undefined) return undefined;
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw new TemplateError(`${node.where}.${key}`, `a number is expected, got ${JSON.stringify(value)}`);
}

/** A whole number between two bounds, which are allowed, too. */
export function optionalInteger(
  node: Node,
  key: string,
  [min, max]: readonly [number, number],
): number | undefined {
  const value = optionalNumber(node, key);
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return value;
  throw new TemplateError(
    `${node.where}.${key}`,
    `a whole number from ${min} to ${max} is allowed, got ${value}`,
  );
}

/** A boolean, also as "true" or "false". */
export function optionalBoolean(node: Node, key: string): boolean | undefined {
  const value = node.value[key];
  if (value === undefined || typeof value === "boolean") return value;
  if (value === "true" || value === "false") return value === "true";
  throw new TemplateError(`${node.where}.${key}`, `true or false is expected, got ${JSON.stringify(value)}`);
}

export function optionalNode(node: Node, key: string): Node | undefined {
  const value = node.value[key];
  const where = `${node.where}.${key}`;
  if (value === undefined) return undefined;
  if (isRecord(value)) return { where, value };
  throw new TemplateError(where, `an object is expected, got ${JSON.stringify(value)}`);
}

/** The objects of a list; an absent list is an empty one. */
export function nodeList(node: Node, key: string): Node[] {
  return list(node, key).map((value, index) => {
    const where = `${node.where}.${key}[${index}]`;
    if (isRecord(value)) return { where, value };
    throw new TemplateError(where, `an object is expected, got ${JSON.stringify(value)}`);
  });
}

/** One string or a list of them, as a list; an absent one is empty. */
export function stringList(node: Node, key: string): string[] {
  const value = node.value[key];
  return (typeof value === "string" ? [value] : list(node, key)).map((entry, index) => {
    if (typeof entry === "string") return entry;
    throw new TemplateError(
      `${node.where}.${key}[${index}]`,
      `a string is expected, got ${JSON.stringify(entry)}`,
    );
  });
}

/** The strings of an object; an absent object is empty. */
export function stringMap(node: Node | undefined): Record<string, string> {
  const entries = Object.keys(node?.value ?? {}).map((key): [string, string] => [
    key,
    node === undefined ? "" : requiredString(node, key),
  ]);
  return Object.fromEntries(entries);
}

/**
 * Refuses properties that would be ignored silently: `run` are those that the caller reads, `harmless` those that change
 * nothing on a laptop.
 */
export function onlyKnown(node: Node, run: readonly string[], harmless: readonly string[] = []): void {
  for (const key of Object.keys(node.value)) {
    if (run.includes(key) || harmless.includes(key)) continue;
    throw new TemplateError(`${node.where}.${key}`, "the local cloud cannot run this property");
  }
}

function list(node: Node, key: string): unknown[] {
  const value = node.value[key];
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new TemplateError(`${node.where}.${key}`, `a list is expected, got ${JSON.stringify(value)}`);
}
