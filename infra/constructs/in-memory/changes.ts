import type { NodePath } from "@babel/traverse";
import type { Place, Places } from "./places.ts";
import { bare, memberName } from "./syntax.ts";

/** A place in the code that changes what a variable holds. */
export interface Change {
  readonly path: NodePath;
  readonly place: Place;
  /** `assigns`: the variable itself. `writes`: a member. `calls`: a method that changes what it is called on. */
  readonly how: "assigns" | "writes" | "calls";
  readonly method?: string;
  /** What is put there. */
  readonly values: readonly NodePath[];
  /** Only takes away. */
  readonly removes: boolean;
}

export const ARRAY_CHANGES = new Set([
  "push",
  "pop",
  "shift",
  "unshift",
  "splice",
  "sort",
  "reverse",
  "fill",
  "copyWithin",
]);
export const COLLECTION_CHANGES = new Set(["set", "add", "delete", "clear"]);
const REMOVES = new Set(["delete", "clear", "pop", "shift"]);

/** All changes in a file. */
export function changesIn(program: NodePath, places: Places): readonly Change[] {
  const found: Change[] = [];
  const add = (path: NodePath, target: NodePath, values: readonly NodePath[], removes = false): void => {
    const inner = bare(target);
    if (inner.isObjectPattern() || inner.isArrayPattern()) {
      for (const id of Object.values(inner.getBindingIdentifierPaths())) add(path, id, []);
      return;
    }
    const isName = inner.isIdentifier();
    const object = isName ? inner : inner.get("object");
    const place = Array.isArray(object) || !object.node ? undefined : places.placeOf(object);
    if (!place) return;
    // Of a file, a member is a variable; elsewhere it is a part.
    const variable = isName || place.thing.kind === "file" ? places.follow(inner) : undefined;
    if (variable)
      found.push({ path, place: { thing: variable, deep: false }, how: "assigns", values, removes });
    else if (place.thing.kind !== "file") found.push({ path, place, how: "writes", values, removes });
  };
  program.traverse({
    AssignmentExpression(path) {
      add(path, path.get("left"), [path.get("right")]);
    },
    UpdateExpression(path) {
      add(path, path.get("argument"), []);
    },
    UnaryExpression(path) {
      if (path.node.operator === "delete") add(path, path.get("argument"), [], true);
    },
    CallExpression(path) {
      found.push(...changesByCall(path, places));
    },
    OptionalCallExpression(path) {
      found.push(...changesByCall(path, places));
    },
  });
  return found;
}

function changesByCall(path: NodePath, places: Places): readonly Change[] {
  const callee = bare(path.get("callee") as NodePath);
  const args = path.get("arguments") as NodePath[];
  const method = memberName(callee);
  if (method === undefined) return [];
  const object = callee.get("object") as NodePath;
  const first = args[0];
  const isOnFirst =
    bare(object).isIdentifier({ name: "Object" }) && /^(?:assign|defineProperty)$/.test(method);
  if (isOnFirst && first) {
    const place = places.placeOf(first);
    return place ? [{ path, place, how: "writes", values: args.slice(1), removes: false }] : [];
  }
  if (!ARRAY_CHANGES.has(method) && !COLLECTION_CHANGES.has(method)) return [];
  const place = places.placeOf(object);
  return place ? [{ path, place, how: "calls", method, values: args, removes: REMOVES.has(method) }] : [];
}
