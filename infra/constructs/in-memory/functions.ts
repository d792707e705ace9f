import type { NodePath } from "@babel/traverse";
import type { Places, Thing } from "./places.ts";
import { bare, initOf, memberName, propertyOf } from "./syntax.ts";

/** The function around the code, or the file. */
export function functionOf(path: NodePath): NodePath {
  return (
    path.findParent((one) => one.isFunction() || isFieldOfInstance(one)) ?? path.scope.getProgramParent().path
  );
}

/** What a class puts into each instance is run by its constructor, and belongs to it. */
const isFieldOfInstance = (path: NodePath): boolean =>
  (path.isClassProperty() || path.isClassPrivateProperty()) && !path.node.static;

/** The functions behind expressions: what is run when somebody calls what they lead to. */
export class Functions {
  readonly #places: Places;
  /** `game.start = function () {}`: by what it is put on, and its name there. */
  readonly #assigned = new Map<unknown, [string, NodePath][]>();

  constructor(places: Places, programs: readonly NodePath[]) {
    this.#places = places;
    for (const program of programs) this.#findAssigned(program);
  }

  /** @param name of the member that is called; any without it */
  of(path: NodePath, name?: string, seen = new Set<unknown>()): readonly NodePath[] {
    const inner = bare(path);
    if (seen.has(inner.node)) return [];
    seen.add(inner.node);
    const next = (other: NodePath, member?: string) => this.of(other, member, seen);
    if (inner.isFunction()) return [inner];
    if (inner.isClass()) return this.methods(inner, name);
    if (inner.isObjectExpression()) {
      const named = name === undefined ? undefined : propertyOf(inner, name);
      if (named) return next(named);
      return inner
        .get("properties")
        .flatMap((one) =>
          one.isObjectMethod() ? [one] : one.isObjectProperty() ? next(one.get("value") as NodePath) : [],
        );
    }
    if (inner.isConditionalExpression())
      return [...next(inner.get("consequent"), name), ...next(inner.get("alternate"), name)];
    if (inner.isLogicalExpression())
      return [...next(inner.get("left"), name), ...next(inner.get("right"), name)];
    if (inner.isNewExpression()) return this.#ofNew(inner, name, seen);
    if (inner.isCallExpression()) return this.#ofCall(inner, seen);
    if (inner.isMemberExpression() || inner.isOptionalMemberExpression()) return this.#ofMember(inner, seen);
    return this.#ofThing(this.#places.follow(inner), name, seen);
  }

  /** Of a class and those that it extends. */
  methods(path: NodePath, name?: string): readonly NodePath[] {
    if (!path.isClass()) return [];
    const own = path
      .get("body")
      .get("body")
      .flatMap((member): NodePath[] => {
        const isCalled = name === undefined || memberKey(member) === name;
        if (!isCalled) return [];
        if (member.isClassMethod() || member.isClassPrivateMethod()) return [member];
        const value =
          member.isClassProperty() || member.isClassPrivateProperty() ? member.get("value") : undefined;
        return value && !Array.isArray(value) && value.isFunction() ? [value] : [];
      });
    const base = this.classOf(path.get("superClass") as NodePath);
    return base && (name === undefined || own.length === 0) ? [...own, ...this.methods(base, name)] : own;
  }

  /** What runs when an instance of the class is made: constructors, and what fields begin with. */
  whenMade(path: NodePath): readonly NodePath[] {
    if (!path.isClass()) return [];
    const fields = path.get("body").get("body").filter(isFieldOfInstance);
    const made = path
      .get("body")
      .get("body")
      .filter((member) => member.isClassMethod({ kind: "constructor" }));
    const base = this.classOf(path.get("superClass") as NodePath);
    return [...fields, ...made, ...(base ? this.whenMade(base) : [])];
  }

  /** What an expression names, if it is a class of the application. */
  classOf(path: NodePath): NodePath | undefined {
    if (!path.node) return undefined;
    const thing = this.#places.follow(path);
    const value =
      thing?.kind === "variable"
        ? (initOf(thing.binding) ?? thing.binding.path)
        : thing?.kind === "value"
          ? thing.path
          : undefined;
    return value && bare(value).isClass() ? bare(value) : undefined;
  }

  #ofThing(thing: Thing | undefined, name: string | undefined, seen: Set<unknown>): readonly NodePath[] {
    if (thing?.kind === "file") {
      const paths = [...this.#places.exportsOf(thing.source).values()];
      return paths.flatMap((path) => this.of(path, undefined, seen));
    }
    if (thing?.kind === "value") return this.of(thing.path, name, seen);
    if (!thing) return [];
    const { binding } = thing;
    const assigned = (this.#assigned.get(binding.identifier) ?? [])
      .filter(([key]) => name === undefined || key === name)
      .map(([, path]) => path);
    const declared = binding.path.isFunction() || binding.path.isClass() ? binding.path : initOf(binding);
    const later = binding.constantViolations.flatMap((path) =>
      path.isAssignmentExpression() ? this.of(path.get("right"), name, seen) : [],
    );
    return [...(declared ? this.of(declared, name, seen) : []), ...assigned, ...later];
  }

  #ofMember(path: NodePath, seen: Set<unknown>): readonly NodePath[] {
    const object = path.get("object");
    const name = memberName(path);
    if (Array.isArray(object)) return [];
    const whole = this.#places.follow(path);
    if (whole) return this.#ofThing(whole, undefined, seen);
    const inner = bare(object);
    if (inner.isThisExpression()) {
      const owner = this.#places.placeOf(inner)?.thing;
      return owner ? this.#ofThing(owner, name, seen) : [];
    }
    const thing = this.#places.follow(inner);
    return thing && thing.kind !== "file" ? this.#ofThing(thing, name, seen) : [];
  }

  #ofNew(path: NodePath, name: string | undefined, seen: Set<unknown>): readonly NodePath[] {
    const callee = path.get("callee");
    const found = Array.isArray(callee) ? undefined : this.classOf(callee);
    if (found) return this.methods(found, name);
    return Array.isArray(callee) ? [] : this.#made(callee, seen);
  }

  /** What `make()` gives: the functions inside of it, or the ones that it is given (`debounce(save)`). */
  #ofCall(path: NodePath, seen: Set<unknown>): readonly NodePath[] {
    const callee = path.get("callee");
    if (Array.isArray(callee)) return [];
    const inner = bare(callee);
    const bound =
      inner.isMemberExpression() && memberName(inner) === "bind" ? inner.get("object") : undefined;
    if (bound) return this.of(bound, undefined, seen);
    const made = this.#made(inner, seen);
    if (made.length > 0) return made;
    const args = path.get("arguments");
    return Array.isArray(args) ? args.flatMap((one) => (bare(one).isFunction() ? [bare(one)] : [])) : [];
  }

  #made(callee: NodePath, seen: Set<unknown>): readonly NodePath[] {
    return this.of(callee, undefined, seen).flatMap((fn) => {
      const inside: NodePath[] = [];
      fn.traverse({
        Function(path) {
          if (functionOf(path) === fn) inside.push(path);
          path.skip();
        },
      });
      return inside;
    });
  }

  #findAssigned(program: NodePath): void {
    program.traverse({
      AssignmentExpression: (path) => {
        const left = path.get("left");
        const right = bare(path.get("right"));
        const name = memberName(left);
        if (name === undefined || !right.isFunction() || !left.isMemberExpression()) return;
        const object = bare(left.get("object"));
        const root =
          memberName(object) === "prototype" && object.isMemberExpression() ? object.get("object") : object;
        const thing = this.#places.follow(root);
        if (thing?.kind !== "variable") return;
        const key = thing.binding.identifier;
        this.#assigned.set(key, [...(this.#assigned.get(key) ?? []), [name, right]]);
      },
    });
  }
}

function memberKey(member: NodePath): string | undefined {
  const { node } = member;
  if (node.type === "ClassPrivateMethod" || node.type === "ClassPrivateProperty")
    return `#${node.key.id.name}`;
  if (node.type !== "ClassMethod" && node.type !== "ClassProperty") return undefined;
  return node.key.type === "Identifier" ? node.key.name : undefined;
}
