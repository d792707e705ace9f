import type { Binding, NodePath } from "@babel/traverse";

/** Methods that call a function with something of what they are called on, as its first argument. */
const CALLS_WITH_PART = new Set([
  "every",
  "filter",
  "find",
  "findIndex",
  "findLast",
  "flatMap",
  "forEach",
  "map",
  "some",
]);

/** Without parentheses, types and `await`. */
export function bare(path: NodePath): NodePath {
  const isWrapped =
    path.isParenthesizedExpression() ||
    path.isTSAsExpression() ||
    path.isTSSatisfiesExpression() ||
    path.isTSNonNullExpression() ||
    path.isTSTypeAssertion();
  if (isWrapped) return bare(path.get("expression") as NodePath);
  return path.isAwaitExpression() ? bare(path.get("argument")) : path;
}

/** The name in `a.name` and `a["name"]`. */
export function memberName(path: NodePath): string | undefined {
  if (!path.isMemberExpression() && !path.isOptionalMemberExpression()) return undefined;
  const { property, computed } = path.node;
  if (property.type === "StringLiteral") return property.value;
  if (property.type === "PrivateName") return `#${property.id.name}`;
  return !computed && property.type === "Identifier" ? property.name : undefined;
}

/** What a variable begins with. */
export function initOf({ path }: Binding): NodePath | undefined {
  if (!path.isVariableDeclarator()) return undefined;
  const init = path.get("init");
  return init.node ? (init as NodePath) : undefined;
}

/** The value of a property in an object literal, a method included. */
export function propertyOf(object: NodePath, name: string): NodePath | undefined {
  if (!object.isObjectExpression()) return undefined;
  for (const property of object.get("properties")) {
    if (!property.isObjectProperty() && !property.isObjectMethod()) continue;
    const { key, computed } = property.node;
    const text =
      key.type === "StringLiteral"
        ? key.value
        : !computed && key.type === "Identifier"
          ? key.name
          : undefined;
    if (text !== name) continue;
    return property.isObjectProperty() ? bare(property.get("value") as NodePath) : property;
  }
  return undefined;
}

/** Of what a local constant is a part: of its first value, what a loop goes over, or what a method calls its function with. */
export function aliased({ path, kind, identifier }: Binding): NodePath | undefined {
  if (path.isVariableDeclarator()) {
    const loop = path.parentPath?.parentPath;
    if (loop?.isForOfStatement() && path.parentPath === loop.get("left")) return loop.get("right");
    const init = path.get("init");
    return init.node ? (init as NodePath) : undefined;
  }
  if (kind !== "param") return undefined;
  const fn = path.findParent((one) => one.isFunction()) ?? path;
  const call = fn.parentPath;
  if (!fn.isFunction() || !call?.isCallExpression() || call.node.arguments[0] !== fn.node) return undefined;
  const [first] = fn.node.params;
  const callee = call.get("callee");
  if (first !== identifier || !callee.isMemberExpression() || !CALLS_WITH_PART.has(memberName(callee) ?? ""))
    return undefined;
  return callee.get("object");
}

/** In `const { key: name } = …`. */
export function keyInPattern({ path, identifier }: Binding): string | undefined {
  if (!path.isVariableDeclarator()) return undefined;
  const { id } = path.node;
  if (id.type !== "ObjectPattern") return undefined;
  for (const property of id.properties) {
    if (property.type !== "ObjectProperty" || property.key.type !== "Identifier") continue;
    const target = property.value.type === "AssignmentPattern" ? property.value.left : property.value;
    if (target === identifier) return property.key.name;
  }
  return undefined;
}

export function requiredFrom(path: NodePath): string | undefined {
  const { node } = path;
  if (node.type !== "CallExpression" || node.callee.type !== "Identifier" || node.callee.name !== "require")
    return undefined;
  const [first] = node.arguments;
  return first?.type === "StringLiteral" ? first.value : undefined;
}

export const isRequiredMember = (path: NodePath): boolean =>
  path.isMemberExpression() && requiredFrom(path.get("object")) !== undefined;

export const isModuleExports = (path: NodePath): boolean => path.matchesPattern("module.exports");
