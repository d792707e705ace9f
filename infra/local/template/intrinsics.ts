/**
 * CloudFormation's intrinsic functions, over values that need no account.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
 */
import { TemplateError } from "./errors.ts";
import { isRecord } from "./values.ts";

/** What an intrinsic needs to know of the stack. Each throws TemplateError for a name that it does not know. */
export interface Scope {
  /** `Ref` of a parameter, pseudo parameter or resource; `undefined` is AWS::NoValue. */
  readonly ref: (name: string, where: string) => unknown;
  readonly attribute: (logicalId: string, name: string, where: string) => unknown;
  readonly condition: (name: string, where: string) => boolean;
}

type Intrinsic = (argument: unknown, scope: Scope, where: string) => unknown;

/** `value` with every intrinsic replaced by what it stands for; properties that become AWS::NoValue are left out. */
export function resolveValue(value: unknown, scope: Scope, where: string): unknown {
  if (Array.isArray(value)) {
    return value
      .map((entry, index) => resolveValue(entry, scope, `${where}[${index}]`))
      .filter((entry) => entry !== undefined);
  }
  if (!isRecord(value)) return value;
  const [name, ...others] = Object.keys(value);
  if (name !== undefined && others.length === 0 && (name.startsWith("Fn::") || name === "Ref")) {
    const intrinsic = INTRINSICS[name];
    if (intrinsic === undefined) {
      throw new TemplateError(where, `the local cloud cannot resolve ${name}`);
    }
    return intrinsic(value[name], scope, `${where}.${name}`);
  }
  const resolved: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) {
    const result = resolveValue(entry, scope, `${where}.${key}`);
    if (result !== undefined) resolved[key] = result;
  }
  return resolved;
}

/** The truth of a condition's definition. */
export function resolveCondition(value: unknown, scope: Scope, where: string): boolean {
  if (isRecord(value)) {
    const [name = "", ...others] = Object.keys(value);
    const operator = others.length === 0 ? CONDITIONS[name] : undefined;
    if (operator !== undefined) return operator(value[name], scope, `${where}.${name}`);
  }
  throw new TemplateError(where, `the local cloud cannot decide ${JSON.stringify(value)}`);
}

const CONDITIONS: Readonly<Record<string, (argument: unknown, scope: Scope, where: string) => boolean>> = {
  Condition: (argument, scope, where) => scope.condition(text(argument, where), where),
  "Fn::Equals": (argument, scope, where) => {
    const [left, right] = listOf(argument, where).map((side) => resolveValue(side, scope, where));
    return String(left) === String(right);
  },
  "Fn::Not": (argument, scope, where) => !resolveCondition(listOf(argument, where)[0], scope, where),
  "Fn::And": (argument, scope, where) =>
    listOf(argument, where).every((part) => resolveCondition(part, scope, where)),
  "Fn::Or": (argument, scope, where) =>
    listOf(argument, where).some((part) => resolveCondition(part, scope, where)),
};

const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  Ref: (argument, scope, where) => scope.ref(text(argument, where), where),
  "Fn::GetAtt": (argument, scope, where) => {
    const parts = typeof argument === "string" ? split(argument, ".") : listOf(argument, where);
    const [logicalId, ...path] = parts.map((part) => text(part, where));
    return scope.attribute(logicalId ?? "", path.join("."), where);
  },
  "Fn::Join": (argument, scope, where) => {
    const [separator, parts] = listOf(argument, where);
    const resolved = listOf(resolveValue(parts, scope, where), where);
    return resolved.map((part) => text(part, where)).join(text(separator, where));
  },
  "Fn::Split": (argument, scope, where) => {
    const [separator, source] = listOf(argument, where);
    return text(resolveValue(source, scope, where), where).split(text(separator, where));
  },
  "Fn::Select": (argument, scope, where) => {
    const [index, source] = listOf(argument, where).map((part) => resolveValue(part, scope, where));
    const selected = listOf(source, where)[Number(index)];
    if (selected !== undefined) return selected;
    throw new TemplateError(where, `there is no entry ${String(index)} in ${JSON.stringify(source)}`);
  },
  "Fn::Sub": (argument, scope, where) => {
    const [source, variables] = Array.isArray(argument) ? argument : [argument, {}];
    return substitute(text(source, where), isRecord(variables) ? variables : {}, scope, where);
  },
  "Fn::If": (argument, scope, where) => {
    const [name, yes, no] = listOf(argument, where);
    return resolveValue(scope.condition(text(name, where), where) ? yes : no, scope, where);
  },
};

function substitute(
  source: string,
  variables: Readonly<Record<string, unknown>>,
  scope: Scope,
  where: string,
): string {
  return source.replace(/\$\{([^}]*)\}/g, (placeholder, name: string) => {
    // "${!Name}" is how a template writes "${Name}" itself.
    if (name.startsWith("!")) return `\${${name.slice(1)}}`;
    if (Object.hasOwn(variables, name)) return text(resolveValue(variables[name], scope, where), where);
    const [logicalId, ...path] = split(name, ".");
    const value =
      path.length === 0 ? scope.ref(name, where) : scope.attribute(String(logicalId), path.join("."), where);
    return text(value, `${where} ${placeholder}`);
  });
}

function split(source: string, separator: string): unknown[] {
  return source.split(separator);
}

function listOf(value: unknown, where: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new TemplateError(where, `a list is expected, got ${JSON.stringify(value)}`);
}

function text(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new TemplateError(where, `a string is expected, got ${JSON.stringify(value)}`);
}
