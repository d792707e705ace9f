import type { NodePath } from "@babel/traverse";
import { ARRAY_CHANGES, type Change, COLLECTION_CHANGES, changesIn } from "./changes.ts";
import { Functions, functionOf } from "./functions.ts";
import { isMadeOnce, keepsSocket } from "./kept.ts";
import { Places } from "./places.ts";
import { type Source, sourcesOf } from "./sources.ts";
import { bare, initOf } from "./syntax.ts";
import { Times } from "./times.ts";
import { kindOf, kindsOf, type Value } from "./values.ts";

/** A variable that handlers change, and that does not outlive them. */
export interface Finding {
  /** Absolute path of where it is declared. */
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** Whose variable it is. */
  readonly of: "module" | "listener";
  readonly holds: "array" | "class" | "map" | "object" | "scalar" | "set" | "socket" | "timer";
  /** What it begins with, as it is written there; empty if that is nothing or long. */
  readonly initial: string;
  readonly changedIn: string;
  readonly changedAt: number;
}

/** Silences a finding: on the line of the declaration, or on the one before. */
const SILENCED = /\/[/*]\s*skysocket: in-memory\b/;
const CACHE_NAME = /cache|memo/i;
const LONGEST_INITIAL = 40;

/** What holds state, and all that changes it. */
interface Holder {
  readonly name: string;
  /** Where it is declared. */
  readonly at: NodePath;
  readonly values: ReadonlySet<Value>;
  readonly init: NodePath | undefined;
  readonly changes: Change[];
}

/** The variables of an application that handlers change as if one process had them all. Nothing is run. */
export function inMemoryState(app: string): readonly Finding[] {
  const sources = sourcesOf(app);
  return sources.length === 0 ? [] : new Finder(sources).findings();
}

class Finder {
  readonly #places: Places;
  readonly #functions: Functions;
  readonly #times: Times;
  readonly #holders = new Map<unknown, Holder>();
  /** Of each class of the application, the variables that hold an instance from the start. */
  readonly #instances = new Map<unknown, Pick<Holder, "name" | "at">[]>();

  constructor(sources: readonly Source[]) {
    const programs = sources.map(({ program }) => program);
    this.#places = new Places(sources);
    this.#functions = new Functions(this.#places, programs);
    this.#times = new Times(this.#places, this.#functions, programs);
    for (const program of programs) this.#findInstances(program);
    for (const program of programs) for (const change of changesIn(program, this.#places)) this.#take(change);
  }

  findings(): readonly Finding[] {
    const found = [...this.#holders.values()].flatMap((holder) => this.#judge(holder) ?? []);
    return found.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
  }

  #take(change: Change): void {
    const { thing } = change.place;
    if (thing.kind === "file") return;
    if (thing.kind === "value") {
      if (thing.path.isClass()) this.#takeOfClass(change, thing.path);
      return;
    }
    const { binding } = thing;
    if (binding.path.isClass()) {
      if (change.how !== "assigns")
        this.#add(binding.path, { name: binding.identifier.name, values: new Set(["class"]) }, change);
      return;
    }
    if (binding.kind === "param" || binding.kind === "module" || !binding.path.isVariableDeclarator()) return;
    const values = kindsOf(binding, this.#places);
    this.#add(
      binding.path,
      { name: binding.identifier.name, values, init: initOf(binding) },
      change,
      binding.identifier,
    );
  }

  /** A method that changes `this`: the change of each variable that holds such an instance, or of the class itself. */
  #takeOfClass(change: Change, owner: NodePath): void {
    const fn = functionOf(change.path);
    if (this.#functions.whenMade(owner).some(({ node }) => node === fn.node)) return;
    const isStatic = change.path.findParent((one) => one.isClassMethod({ static: true })) !== null;
    const name = owner.isClassDeclaration() ? (owner.node.id?.name ?? "class") : "class";
    const holders = isStatic ? [{ name, at: owner }] : (this.#instances.get(owner.node) ?? []);
    for (const holder of holders)
      this.#add(holder.at, { name: holder.name, values: new Set(["class"]) }, change);
  }

  #add(
    at: NodePath,
    holder: Partial<Holder> & Pick<Holder, "name" | "values">,
    change: Change,
    key: unknown = at.node,
  ): void {
    const known = this.#holders.get(key) ?? { init: undefined, ...holder, at, changes: [] };
    known.changes.push(change);
    this.#holders.set(key, known);
  }

  #findInstances(program: NodePath): void {
    program.traverse({
      NewExpression: (path) => {
        const callee = path.get("callee");
        const owner = Array.isArray(callee) ? undefined : this.#functions.classOf(callee);
        if (!owner) return;
        const holder = this.#holderOfNew(path, owner);
        for (
          let one: NodePath | undefined = owner;
          holder && one?.isClass();
          one = this.#functions.classOf(one.get("superClass") as NodePath)
        ) {
          this.#instances.set(one.node, [...(this.#instances.get(one.node) ?? []), holder]);
        }
      },
    });
  }

  /** A variable that outlives an event; the class, where an instance is made at loading and has no name. */
  #holderOfNew(path: NodePath, owner: NodePath): Pick<Holder, "name" | "at"> | undefined {
    const { parentPath } = path;
    const isEarly = this.#times.of(functionOf(path)).has("load");
    const target = parentPath?.isAssignmentExpression()
      ? this.#places.follow(parentPath.get("left"))
      : undefined;
    if (target?.kind === "variable" && this.#times.of(functionOf(target.binding.path)).has("load")) {
      return { name: target.binding.identifier.name, at: target.binding.path };
    }
    if (!isEarly) return undefined;
    if (parentPath?.isVariableDeclarator() && parentPath.node.id.type === "Identifier") {
      return { name: parentPath.node.id.name, at: parentPath };
    }
    return { name: owner.isClassDeclaration() ? (owner.node.id?.name ?? "class") : "class", at: owner };
  }

  #judge(holder: Holder): Finding | undefined {
    const { at, name, values, changes } = holder;
    const source = this.#places.sourceOf(at);
    const line = at.node.loc?.start.line;
    if (!source || line === undefined || CACHE_NAME.test(name)) return undefined;
    const relevant = changes.filter((change) => changesState(change, values));
    const outlived = relevant.flatMap((change) => {
      const of = this.#outlives(at, change);
      return of ? [{ change, of }] : [];
    });
    const first = outlived[0];
    if (
      !first ||
      isSilenced(source, line) ||
      isMadeOnce(
        outlived.map(({ change }) => change),
        this.#places,
      )
    )
      return undefined;
    const changed = this.#places.sourceOf(first.change.path);
    return {
      file: source.file,
      line,
      name,
      of: first.of,
      holds: this.#holds(
        values,
        outlived.map(({ change }) => change),
      ),
      initial: initialText(holder, source),
      changedIn: changed?.file ?? source.file,
      changedAt: first.change.path.node.loc?.start.line ?? line,
    };
  }

  /** Whether the change happens in a later event than the one that has made the variable, and whose the variable is. */
  #outlives(at: NodePath, { path }: Change): Finding["of"] | undefined {
    const owner = functionOf(at);
    const chain = functionsUpTo(path, owner);
    if (!chain) return this.#ofModule(owner, path); // in another file
    const later = chain.filter((fn) => !this.#times.isInline(fn));
    if (later.length === 0) return undefined;
    if (!owner.isProgram() && !later.some((fn) => this.#escapes(fn, owner))) return undefined;
    const ofModule = this.#ofModule(owner, path);
    if (ofModule) return ofModule;
    const times = this.#times.of(functionOf(path));
    return this.#times.of(owner).has("connection") && times.has("event") ? "listener" : undefined;
  }

  #ofModule(owner: NodePath, path: NodePath): "module" | undefined {
    const times = this.#times.of(functionOf(path));
    const isLater = times.has("connection") || times.has("event");
    return isLater && this.#times.of(owner).has("load") ? "module" : undefined;
  }

  /** Is the function called by others than the one around it: handed to a socket, returned, put into an object? */
  #escapes(fn: NodePath, owner: NodePath): boolean {
    if (this.#times.isRegistered(fn)) return true;
    const leaves = (path: NodePath): boolean => {
      const way = path.findParent((one) => one.node === owner.node || isWayOut(one));
      return way !== null && way.node !== owner.node;
    };
    if (leaves(fn) || (owner.isArrowFunctionExpression() && fn.parentPath === owner)) return true;
    const name = fn.isFunctionDeclaration()
      ? fn.node.id?.name
      : fn.parentPath?.isVariableDeclarator() && fn.parentPath.node.id.type === "Identifier"
        ? fn.parentPath.node.id.name
        : undefined;
    const binding = name === undefined ? undefined : fn.parentPath?.scope.getBinding(name);
    const isCalledLater = (path: NodePath): boolean =>
      functionsUpTo(path, owner)?.some((one) => this.#times.isRegistered(one)) ?? false;
    return binding?.referencePaths.some((path) => leaves(path) || isCalledLater(path)) ?? false;
  }

  #holds(values: ReadonlySet<Value>, changes: readonly Change[]): Finding["holds"] {
    if (changes.some((change) => keepsSocket(change, (path) => this.#isSocket(path)))) return "socket";
    const put = changes.flatMap((change) => change.values.map((value) => kindOf(value, this.#places)));
    if (values.has("timer") || put.includes("timer")) return "timer";
    for (const kind of ["array", "map", "set", "class", "object"] as const) if (values.has(kind)) return kind;
    if (values.has("weak")) return "map";
    return changes.some(({ how }) => how !== "assigns") ? "object" : "scalar";
  }

  /** What a connection listener is called with. */
  #isSocket(path: NodePath): boolean {
    const binding = path.isIdentifier() ? path.scope.getBinding(path.node.name) : undefined;
    if (binding?.kind !== "param") return false;
    const fn = binding.scope.path;
    return (
      (this.#times.isConnectionListener(fn) || /^(?:socket|client)$/i.test(binding.identifier.name)) &&
      fn.isFunction()
    );
  }
}

/** By which a function gets out of the one that it is in. */
const isWayOut = (path: NodePath): boolean =>
  path.isReturnStatement() ||
  path.isObjectExpression() ||
  path.isClass() ||
  (path.isAssignmentExpression() && path.get("left").isMemberExpression());

/** The functions between the code and the one around it, the innermost first. Undefined if the code is not in it. */
function functionsUpTo(path: NodePath, owner: NodePath): readonly NodePath[] | undefined {
  const found: NodePath[] = [];
  for (let fn = functionOf(path); fn.node !== owner.node; fn = functionOf(fn)) {
    if (fn.isProgram()) return undefined;
    found.push(fn);
  }
  return found;
}

/** Does it change what the variable holds, as far as we know what that is? Methods of other things are their own affair. */
function changesState({ how, method = "", place }: Change, values: ReadonlySet<Value>): boolean {
  const has = (...kinds: Value[]): boolean => kinds.some((kind) => values.has(kind));
  if (has("shared")) return false;
  if (how === "assigns") return true;
  if (how === "writes") return has("array", "class", "data", "map", "object", "set", "unknown");
  if (place.deep) return has("array", "class", "data", "map", "object", "set", "unknown");
  if (ARRAY_CHANGES.has(method) && has("array", "data")) return true;
  return COLLECTION_CHANGES.has(method) && has("map", "set", "data");
}

function isSilenced({ text }: Source, line: number): boolean {
  const [before = "", own = ""] = ["", ...text.split("\n")].slice(line - 1);
  return SILENCED.test(own) || (/^\s*\/[/*]/.test(before) && SILENCED.test(before));
}

function initialText({ init }: Holder, { text }: Source): string {
  if (!init) return "";
  const { start, end } = bare(init).node;
  const written = typeof start === "number" && typeof end === "number" ? text.slice(start, end) : "";
  return written.length > LONGEST_INITIAL || written.includes("\n") ? "" : written;
}
