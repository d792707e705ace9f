import type { NodePath } from "@babel/traverse";
import type { Change } from "./changes.ts";
import type { Places } from "./places.ts";
import { bare, initOf, memberName } from "./syntax.ts";
import { kindOf } from "./values.ts";

/**
 * Are these the changes of something that is made when it is first needed, and not again: a client, a configuration, a cache?
 * Each instance may have its own of those.
 */
export function isMadeOnce(changes: readonly Change[], places: Places): boolean {
  return (
    changes.some(({ removes }) => !removes) &&
    changes.every((change) => change.removes || isFirstUse(change, places))
  );
}

function isFirstUse(change: Change, places: Places): boolean {
  const value = change.values.at(-1);
  if (!value) return false;
  const isForget = change.how === "assigns" && kindOf(value, places) === "nothing";
  if (isForget) return true;
  const makes = change.how === "assigns" ? isMade(value, places) : isLoaded(value);
  return makes && isGuarded(change);
}

/** What is called or made, and is no plain value. */
function isMade(value: NodePath, places: Places): boolean {
  const inner = bare(value);
  const isCall = inner.isCallExpression() || inner.isNewExpression();
  return (isCall && ["foreign", "unknown", "class"].includes(kindOf(inner, places))) || isLoaded(value);
}

/** What came from outside: somebody waited for it. */
function isLoaded(value: NodePath): boolean {
  if (value.isAwaitExpression()) return true;
  const inner = bare(value);
  if (inner.isCallExpression() && inner.get("callee").isIdentifier({ name: "fetch" })) return true;
  const binding = inner.isIdentifier() ? inner.scope.getBinding(inner.node.name) : undefined;
  return binding !== undefined && initOf(binding)?.isAwaitExpression() === true;
}

/** Only where there is none yet: `??=`, in an `if`, or after an `if` that returns. */
function isGuarded({ path, place }: Change): boolean {
  if (path.isAssignmentExpression() && (path.node.operator === "??=" || path.node.operator === "||="))
    return true;
  const names = place.thing.kind === "variable" ? place.thing.binding.identifier.name : undefined;
  const asks = (test: NodePath): boolean => names !== undefined && mentions(test, names);
  return (
    path.findParent((one) => {
      if (one.isIfStatement() && asks(one.get("test"))) return true;
      if (!one.isStatement() || !one.inList) return false;
      return one
        .getAllPrevSiblings()
        .some(
          (sibling) =>
            sibling.isIfStatement() && asks(sibling.get("test")) && leaves(sibling.get("consequent")),
        );
    }) !== null
  );
}

function leaves(path: NodePath): boolean {
  if (path.isReturnStatement()) return true;
  return path.isBlockStatement() && path.get("body").some((one) => one.isReturnStatement());
}

/** The variable, or a local one that was read from it. */
function mentions(path: NodePath, name: string): boolean {
  const isIt = (one: NodePath): boolean => {
    if (one.isIdentifier({ name })) return true;
    const binding = one.isIdentifier() ? one.scope.getBinding(one.node.name) : undefined;
    const init = binding && initOf(binding);
    const inner = init && bare(init);
    const callee = inner?.isCallExpression() ? inner.get("callee") : inner;
    return (
      callee?.isMemberExpression() === true &&
      memberName(callee) !== undefined &&
      callee.get("object").isIdentifier({ name })
    );
  };
  if (isIt(path)) return true;
  let found = false;
  path.traverse({
    Identifier(one) {
      if (isIt(one)) found = true;
    },
  });
  return found;
}

/** Is one of the values a socket, or holds it? */
export function keepsSocket({ values }: Change, isSocket: (path: NodePath) => boolean): boolean {
  return values.some((value) => {
    const inner = bare(value);
    if (isSocket(inner)) return true;
    if (!inner.isObjectExpression() && !inner.isArrayExpression()) return false;
    let found = false;
    inner.traverse({
      Identifier(path) {
        const { parentPath } = path;
        const isValue =
          parentPath.isArrayExpression() ||
          (parentPath.isObjectProperty() && parentPath.get("value") === path);
        if (isValue && isSocket(path)) found = true;
      },
    });
    return found;
  });
}
