import type { Binding, NodePath } from "@babel/traverse";
import { findExports } from "./exports.ts";
import type { Source } from "./sources.ts";
import {
  aliased,
  bare,
  initOf,
  isModuleExports,
  isRequiredMember,
  keyInPattern,
  memberName,
  propertyOf,
  requiredFrom,
} from "./syntax.ts";

/** What an expression leads to: a variable, a value without a name, or all that a file exports. */
export type Thing =
  | { readonly kind: "variable"; readonly binding: Binding }
  | { readonly kind: "value"; readonly path: NodePath }
  | { readonly kind: "file"; readonly source: Source };

/** Something that holds state, and whether the expression is in it or is it. */
export interface Place {
  readonly thing: Thing;
  readonly deep: boolean;
}

/** Methods that give something of what they are called on, not a copy. */
const GIVES_PART = new Set(["at", "find", "findLast", "get", "pop", "shift", "values"]);

/** Where names lead to, from file to file. */
export class Places {
  readonly #sources: ReadonlyMap<string, Source>;
  readonly #byProgram: ReadonlyMap<unknown, Source>;
  readonly #exports = new Map<Source, Map<string, NodePath>>();

  constructor(sources: readonly Source[]) {
    this.#sources = new Map(sources.map((source) => [source.file, source]));
    this.#byProgram = new Map(sources.map((source) => [source.program.node, source]));
  }

  sourceOf(path: NodePath): Source | undefined {
    return this.#byProgram.get(path.scope.getProgramParent().block);
  }

  /** What the expression is, without what is in it. */
  follow(path: NodePath): Thing | undefined {
    const inner = bare(path);
    if (inner.isIdentifier()) return this.#followName(inner, inner.node.name);
    const required = requiredFrom(inner);
    if (required !== undefined) return this.#file(inner, required);
    if (inner.isMemberExpression()) {
      if (isModuleExports(inner)) return this.#ownFile(inner);
      const thing = this.follow(inner.get("object"));
      const name = memberName(inner);
      return thing && name !== undefined ? this.member(thing, name) : undefined;
    }
    return { kind: "value", path: inner };
  }

  /** What holds the state that the expression is or is in. Undefined for copies, and for what leads elsewhere. */
  placeOf(path: NodePath): Place | undefined {
    const inner = bare(path);
    if (inner.isIdentifier()) return this.#placeOfName(inner);
    if (inner.isThisExpression()) return thisPlace(inner);
    if (inner.isMemberExpression() || inner.isOptionalMemberExpression()) {
      const whole = this.follow(inner);
      if (whole?.kind === "variable") return { thing: whole, deep: false };
      const place = this.placeOf(inner.get("object") as NodePath);
      if (place?.thing.kind !== "file") return place && { ...place, deep: true };
      return whole && { thing: whole, deep: false };
    }
    if (inner.isCallExpression() || inner.isOptionalCallExpression()) {
      const thing = requiredFrom(inner) === undefined ? undefined : this.follow(inner);
      if (thing) return { thing, deep: false };
      const callee = bare(inner.get("callee") as NodePath);
      if (!callee.isMemberExpression() && !callee.isOptionalMemberExpression()) return undefined;
      if (!GIVES_PART.has(memberName(callee) ?? "")) return undefined;
      const place = this.placeOf(callee.get("object") as NodePath);
      return place && { ...place, deep: true };
    }
    if (inner.isLogicalExpression() || inner.isAssignmentExpression())
      return this.placeOf(inner.get("left") as NodePath);
    return undefined;
  }

  /** What a member of it is, where that has a value of its own: an export, a function. */
  member(thing: Thing, name: string): Thing | undefined {
    if (thing.kind === "file") return this.#exported(thing.source, name);
    const value = thing.kind === "value" ? thing.path : initOf(thing.binding);
    const property = value && propertyOf(bare(value), name);
    if (!property) return undefined;
    return property.isIdentifier() || property.isFunction() ? this.follow(property) : undefined;
  }

  /** By name; `default` and `module.exports` too. */
  exportsOf(source: Source): Map<string, NodePath> {
    const known = this.#exports.get(source);
    if (known) return known;
    const found = findExports(source.program);
    this.#exports.set(source, found);
    return found;
  }

  #exported(source: Source, name: string): Thing | undefined {
    const exports = this.exportsOf(source);
    const whole = exports.get("module.exports");
    const path = exports.get(name) ?? (name === "default" ? whole : undefined);
    if (path) return this.#followExport(path);
    const thing = whole && this.follow(whole);
    return thing ? this.member(thing, name) : this.#exportedOf(source, name);
  }

  /** By `export * from "./other.js"`. */
  #exportedOf({ program }: Source, name: string): Thing | undefined {
    for (const statement of program.isProgram() ? program.get("body") : []) {
      if (!statement.isExportAllDeclaration()) continue;
      const thing = this.#file(statement, statement.node.source.value);
      const member = thing && this.member(thing, name);
      if (member) return member;
    }
    return undefined;
  }

  #followExport(path: NodePath): Thing | undefined {
    // `export { users } from "./state.js"`
    if (path.isExportSpecifier()) {
      const { parent, node } = path;
      const from = parent.type === "ExportNamedDeclaration" ? parent.source?.value : undefined;
      if (from === undefined) return this.#followName(path, node.local.name);
      const thing = this.#file(path, from);
      return thing && this.member(thing, node.local.name);
    }
    return this.follow(path);
  }

  #followName(path: NodePath, name: string): Thing | undefined {
    const binding = path.scope.getBinding(name);
    if (!binding) return name === "exports" ? this.#ownFile(path) : undefined;
    if (binding.kind === "module") return this.#imported(binding);
    const init = initOf(binding);
    if (!init || !binding.constant) return { kind: "variable", binding };
    const key = keyInPattern(binding);
    if (key === undefined) {
      // Another name of what a file exports, or of another variable.
      const inner = bare(init);
      const same = requiredFrom(inner) !== undefined || inner.isIdentifier() || isRequiredMember(inner);
      return (same && this.follow(inner)) || { kind: "variable", binding };
    }
    const whole = this.follow(init);
    const part = whole && this.member(whole, key);
    return part ?? { kind: "variable", binding };
  }

  #imported(binding: Binding): Thing | undefined {
    const { path } = binding;
    const { parent } = path;
    if (parent.type !== "ImportDeclaration") return undefined;
    const thing = this.#file(path, parent.source.value);
    if (!thing || path.isImportNamespaceSpecifier()) return thing;
    if (path.isImportDefaultSpecifier()) return this.member(thing, "default") ?? thing;
    if (!path.isImportSpecifier()) return undefined;
    const { imported } = path.node;
    return this.member(thing, imported.type === "Identifier" ? imported.name : imported.value);
  }

  #placeOfName(path: NodePath): Place | undefined {
    const thing = path.isIdentifier() ? this.#followName(path, path.node.name) : undefined;
    if (thing?.kind !== "variable") return thing && { thing, deep: false };
    const { binding } = thing;
    const whole = binding.constant ? aliased(binding) : undefined;
    const place = whole && this.placeOf(whole);
    return place && place.thing.kind !== "file" ? { ...place, deep: true } : { thing, deep: false };
  }

  #file(path: NodePath, specifier: string): Thing | undefined {
    const file = this.sourceOf(path)?.imports.get(specifier);
    const source = file === undefined ? undefined : this.#sources.get(file);
    if (!source) return undefined;
    const whole = this.exportsOf(source).get("module.exports");
    const inner = whole && bare(whole);
    if (whole && inner && !inner.isObjectExpression()) return this.follow(whole);
    return { kind: "file", source };
  }

  #ownFile(path: NodePath): Thing | undefined {
    const source = this.sourceOf(path);
    return source && { kind: "file", source };
  }
}

/** The object literal or the class that `this` is one of. */
function thisPlace(path: NodePath): Place | undefined {
  const owner = path.findParent(
    (one) =>
      (one.isFunction() && !one.isArrowFunctionExpression()) ||
      one.isClassProperty() ||
      one.isClassPrivateProperty() ||
      one.isStaticBlock(),
  );
  if (!owner) return undefined;
  const body = owner.parentPath;
  if (body?.isClassBody() && body.parentPath)
    return { thing: { kind: "value", path: body.parentPath }, deep: false };
  const object = owner.isObjectMethod()
    ? body
    : owner.isFunctionExpression() && body?.isObjectProperty()
      ? body.parentPath
      : undefined;
  if (!object?.isObjectExpression()) return undefined;
  const declarator = object.findParent((one) => !one.isTSAsExpression() && !one.isTSSatisfiesExpression());
  const { node } = declarator ?? {};
  const binding =
    node?.type === "VariableDeclarator" && node.id.type === "Identifier"
      ? path.scope.getBinding(node.id.name)
      : undefined;
  return { thing: binding ? { kind: "variable", binding } : { kind: "value", path: object }, deep: false };
}
