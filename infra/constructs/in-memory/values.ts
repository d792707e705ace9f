import type { Binding, NodePath } from "@babel/traverse";
import type { Places } from "./places.ts";
import { bare, initOf, memberName } from "./syntax.ts";

/** What a variable holds, as far as the file tells. */
export type Value =
  | "array"
  | "class"
  | "data"
  | "foreign"
  | "function"
  | "map"
  | "nothing"
  | "object"
  | "scalar"
  | "set"
  | "shared"
  | "timer"
  | "unknown"
  | "weak";

const BY_CLASS: Readonly<Record<string, Value>> = {
  Array: "array",
  Date: "data",
  Map: "map",
  Object: "object",
  Set: "set",
  WeakMap: "weak",
  WeakSet: "weak",
};
const TIMERS = new Set(["setTimeout", "setInterval", "setImmediate"]);
const NUMBERS = new Set(["Number", "String", "Boolean", "BigInt", "parseInt", "parseFloat"]);
/** Methods of arrays, and of everything that holds some, that make an array. */
const MAKES_ARRAY = new Set([
  "concat",
  "fill",
  "filter",
  "flat",
  "flatMap",
  "from",
  "keys",
  "map",
  "of",
  "slice",
  "split",
  "values",
  "entries",
]);

/** What the expression gives. */
export function kindOf(path: NodePath, places: Places): Value {
  const inner = bare(path);
  const { node } = inner;
  if (inner.isNullLiteral() || inner.isIdentifier({ name: "undefined" })) return "nothing";
  if (
    inner.isLiteral() ||
    inner.isUnaryExpression() ||
    inner.isBinaryExpression() ||
    inner.isUpdateExpression()
  )
    return "scalar";
  if (inner.isArrayExpression()) return "array";
  if (inner.isObjectExpression()) return "object";
  if (inner.isFunction()) return "function";
  if (inner.isClass()) return "class";
  if (inner.isLogicalExpression()) return kindOf(inner.get("right"), places);
  if (inner.isConditionalExpression()) return kindOf(inner.get("consequent"), places);
  if (inner.isNewExpression()) return made(inner, places);
  if (inner.isCallExpression() || inner.isOptionalCallExpression()) return called(inner, places);
  if (node.type === "Identifier" || node.type === "MemberExpression")
    return places.follow(inner) ? "unknown" : "foreign";
  return "unknown";
}

/** All that a variable ever holds. */
export function kindsOf(binding: Binding, places: Places): ReadonlySet<Value> {
  const init = initOf(binding);
  const later = assignmentsOf(binding).map((path) => kindOf(path, places));
  const isPattern = binding.path.isVariableDeclarator() && binding.path.node.id.type !== "Identifier";
  return new Set([init ? ofPart(kindOf(init, places), isPattern) : "nothing", ...later]);
}

/** What `const { part } = …` takes out of it. */
function ofPart(value: Value, isPart: boolean): Value {
  return isPart && value !== "shared" && value !== "foreign" ? "unknown" : value;
}

/** The expressions that are assigned to a variable after its declaration. */
export const assignmentsOf = ({ constantViolations }: Binding): readonly NodePath[] =>
  constantViolations.flatMap((path) => (path.isAssignmentExpression() ? [path.get("right")] : []));

function made(path: NodePath, places: Places): Value {
  const callee = path.get("callee");
  if (Array.isArray(callee)) return "unknown";
  const name = callee.isIdentifier() ? callee.node.name : undefined;
  const known = name !== undefined && !path.scope.hasBinding(name, true) ? BY_CLASS[name] : undefined;
  return (
    known ??
    (places.follow(callee) === undefined ? "foreign" : isFromPackage(callee, places) ? "foreign" : "class")
  );
}

function called(path: NodePath, places: Places): Value {
  const callee = path.get("callee");
  if (Array.isArray(callee)) return "unknown";
  const inner = bare(callee);
  const method = memberName(inner);
  if (method === undefined) {
    const name = inner.isIdentifier() ? inner.node.name : "";
    if (TIMERS.has(name)) return "timer";
    if (NUMBERS.has(name)) return "scalar";
    if (name === "structuredClone") return "data";
    const known = BY_CLASS[name];
    if (known && !path.scope.hasBinding(name, true)) return known;
    const thing = places.follow(inner);
    return thing === undefined || isForeign(inner, places) ? "foreign" : "unknown";
  }
  if (method === "shared" || method === "state") return "shared";
  if (inner.matchesPattern("JSON.parse")) return "data";
  if (inner.matchesPattern("Object.create") || inner.matchesPattern("Object.fromEntries")) return "object";
  if (inner.matchesPattern("Date.now") || inner.matchesPattern("Math", true)) return "scalar";
  if (MAKES_ARRAY.has(method)) return "array";
  return isForeign(inner, places) ? "foreign" : "unknown";
}

/** Does its name lead to a package, or to nothing that is declared? */
function isForeign(path: NodePath, places: Places): boolean {
  const root = rootName(path);
  if (!root) return false;
  if (isFromPackage(root, places)) return true;
  const binding = root.scope.getBinding(root.node.name);
  if (!binding) return true;
  const init = initOf(binding);
  const inner = init && bare(init);
  if (!inner || binding.scope.path.isFunction()) return false;
  return kindOf(inner, places) === "foreign";
}

function rootName(path: NodePath): (NodePath & { node: { name: string } }) | undefined {
  const inner = bare(path);
  if (inner.isIdentifier()) return inner;
  if (inner.isMemberExpression()) return rootName(inner.get("object"));
  if (inner.isCallExpression() || inner.isNewExpression()) return rootName(inner.get("callee") as NodePath);
  return undefined;
}

/** Imported or required, and no file of the application. */
function isFromPackage(path: NodePath, places: Places): boolean {
  if (!path.isIdentifier()) return false;
  const thing = places.follow(path);
  const binding = path.scope.getBinding(path.node.name);
  if (binding?.kind === "module") return thing === undefined;
  const init = thing?.kind === "variable" ? initOf(thing.binding) : undefined;
  const inner = init && bare(init);
  return inner?.isCallExpression() === true && inner.get("callee").isIdentifier({ name: "require" });
}
