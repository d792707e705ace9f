/** The part of Velocity that is rendered as on AWS: checked once, when a template is read. */
import { CONTEXT_RECORDS } from "./context.ts";
import { VelocityError } from "./errors.ts";
import { replacing, SUPPORTED_PATTERNS } from "./pattern.ts";
import { UTILITIES } from "./utilities.ts";

/** Numbers on AWS, perhaps: what a method or a comparison makes of them there is unknown. */
const NUMBERS = new Set(["connectedAt", "requestTimeEpoch"]);

/** A node of the tree that velocityjs makes of a template. */
type Tree = Readonly<Record<string, unknown>>;

interface Named {
  readonly text: string;
  readonly known: ReadonlySet<string>;
}

const ALLOWED =
  "#if, #elseif, #else, #end, #set; ==, &&, ||; $input.body, $context.…, $util.…, variables, and replaceAll of a string";

/** Throws VelocityError for what is outside of the subset. */
export class Checker {
  readonly #source: string;
  readonly #lines: readonly string[];
  #line = 1;

  constructor(source: string) {
    this.#source = source;
    this.#lines = source.split("\n");
  }

  check(tree: unknown): void {
    // Which line breaks Velocity takes out depends on what is beside them.
    const at = this.#lines.findIndex((line, index) => index + 1 < this.#lines.length || line.includes("\r"));
    if (at >= 0) {
      this.#line = at + 1;
      this.#refuse(
        "its line break",
        "a template of one line is allowed, since a line break would become part of a field",
      );
    }
    this.#nodes(listOf(tree), new Set());
  }

  /** @param known variables that are set here, whichever way it goes */
  #nodes(nodes: readonly unknown[], known: Set<string>): void {
    for (const node of nodes) {
      if (typeof node === "string") this.#content(node);
      else if (Array.isArray(node)) this.#block(node, known);
      else this.#node(treeOf(node), known);
    }
  }

  #content(text: string): void {
    const sign = /[#$\\]/.exec(text)?.[0];
    if (sign !== undefined)
      this.#refuse(`"${text}"`, `"${sign}" in text may mean something else to Velocity`);
  }

  #node(node: Tree, known: Set<string>): void {
    this.#moveTo(node);
    if (node.type === "references") this.#reference(node, known, { isRendered: true });
    else if (node.type === "set") this.#set(node, known);
    else this.#refuse(this.#textOf(node), `only this is rendered: ${ALLOWED}`);
  }

  #set(node: Tree, known: Set<string>): void {
    const [target, value] = listOf(node.equal).map(treeOf);
    if (target === undefined || value === undefined)
      this.#refuse("#set", "a variable and a value are expected");
    if (target.path !== undefined || target.leader !== "$") {
      this.#refuse("#set", "only a variable can be set, no property of one");
    }
    const name = String(target.id);
    if (["input", "context", "util"].includes(name)) this.#refuse("#set", `$${name} is API Gateway's own`);
    this.#value(value, known);
    known.add(name);
  }

  #block(nodes: readonly unknown[], known: Set<string>): void {
    // Of a branch that was not taken, nothing is set.
    let branch = new Set(known);
    for (const node of nodes) {
      const tree = typeof node === "string" || Array.isArray(node) ? undefined : treeOf(node);
      if (tree && ["if", "elseif", "else"].includes(String(tree.type))) {
        this.#moveTo(tree);
        if (tree.type !== "else") this.#condition(treeOf(tree.condition), known);
        branch = new Set(known);
      } else if (tree && node === nodes[0]) {
        this.#node(tree, known);
      } else {
        this.#nodes([node], branch);
      }
    }
  }

  #condition(node: Tree, known: ReadonlySet<string>): void {
    const sides = listOf(node.expression).map(treeOf);
    if (node.operator === "==") for (const side of sides) this.#value(side, known);
    else if (["&&", "||", "parenthesis"].includes(String(node.operator))) {
      for (const side of sides) this.#condition(side, known);
    } else this.#refuse("its condition", "only ==, && and || are decided");
  }

  #value(node: Tree, known: ReadonlySet<string>): void {
    if (node.type === "references") this.#reference(node, known);
    else if (node.type !== "string") {
      this.#refuse(this.#textOf(node), "a string or a reference is expected");
    } else if (node.isEval === true && /[#$]/.test(String(node.value))) {
      this.#refuse(`"${String(node.value)}"`, "nothing is put into strings; write it in single quotes");
    }
  }

  #reference(
    node: Tree,
    known: ReadonlySet<string>,
    { isRendered = false }: { readonly isRendered?: boolean } = {},
  ): void {
    const text = referenceText(node);
    if (node.leader !== "$") this.#refuse(text, "it may not be quiet: all that can be named here exists");
    const path = listOf(node.path ?? []).map(treeOf);
    if (node.id === "context" && NUMBERS.has(String(path[0]?.id)) && !(isRendered && path.length === 1)) {
      this.#refuse(text, "it may be a number on AWS, which can be written out and nothing else");
    }
    this.#methods(this.#afterString(node, path, { text, known }), text);
  }

  /** What stands behind the part of a reference that gives a string. */
  #afterString(node: Tree, path: readonly Tree[], { text, known }: Named): readonly Tree[] {
    const [first] = path;
    switch (node.id) {
      case "input":
        if (first?.type === "property" && first.id === "body") return path.slice(1);
        return this.#refuse(text, "of $input there is body only");
      case "util":
        this.#utility(first, { text, known });
        return path.slice(1);
      case "context":
        return this.#afterContext(path, text);
      default:
        if (known.has(String(node.id)) && node.args === undefined) return path;
        return this.#refuse(text, "it is not set before, or not in each case");
    }
  }

  #afterContext(path: readonly Tree[], text: string): readonly Tree[] {
    const methodAt = path.findIndex(({ type }) => type !== "property");
    const names = path.slice(0, methodAt < 0 ? undefined : methodAt).map(({ id }) => String(id));
    const depth = CONTEXT_RECORDS.some((record) => record === names[0]) ? 2 : 1;
    if (names.length === depth) return path.slice(depth);
    const deep = CONTEXT_RECORDS.join(", ");
    return this.#refuse(text, `a property of $context is expected, or one of its ${deep}`);
  }

  #utility(call: Tree | undefined, { text, known }: Named): void {
    const name = String(call?.id);
    if (call?.type !== "method" || !Object.hasOwn(UTILITIES, name)) {
      this.#refuse(text, `of $util there are ${Object.keys(UTILITIES).join(", ")}`);
    }
    const [argument, ...others] = argumentsOf(call);
    if (argument === undefined || others.length > 0) this.#refuse(text, `$util.${name} takes one argument`);
    this.#value(argument, known);
  }

  /** Of a string: each is applied to what the one before gave. */
  #methods(path: readonly Tree[], text: string): void {
    for (const call of path) {
      if (call.type !== "method" || call.id !== "replaceAll") {
        this.#refuse(text, "of strings there is replaceAll only, which AWS's own templates call");
      }
      const [pattern, replacement, ...others] = argumentsOf(call).map(literalOf);
      if (pattern === undefined || replacement === undefined || others.length > 0) {
        this.#refuse(text, "replaceAll takes a pattern and a replacement in single quotes");
      }
      if (replacing(pattern, replacement) === undefined) {
        this.#refuse(text, `of patterns there are ${SUPPORTED_PATTERNS}; of replacements text and $1 to $9`);
      }
    }
  }

  #moveTo({ pos }: Tree): void {
    const line = isTree(pos) ? pos.first_line : undefined;
    if (typeof line === "number") this.#line = line;
  }

  #textOf(node: Tree): string {
    const { pos } = node;
    const columns = isTree(pos) ? [pos.first_column, pos.last_column] : [];
    const [from, to] = columns.map(Number);
    const text = this.#lines[this.#line - 1]?.slice(from, to) ?? "";
    return text.trim() === "" ? `"${String(node.type)}"` : text;
  }

  #refuse(text: string, problem: string): never {
    throw new VelocityError(this.#line, text === "" ? this.#source : text, problem);
  }
}

/** As it is written, without its arguments. */
function referenceText(node: Tree): string {
  const path = listOf(node.path ?? []).map(treeOf);
  const steps = path.map(({ type, id }) => {
    if (type === "index") return "[…]";
    return type === "method" ? `.${String(id)}(…)` : `.${String(id)}`;
  });
  return `${String(node.leader)}${String(node.id)}${steps.join("")}`;
}

const argumentsOf = (call: Tree): Tree[] => (Array.isArray(call.args) ? call.args.map(treeOf) : []);

/** Of a string in which nothing is replaced. */
function literalOf(node: Tree): string | undefined {
  return node.type === "string" && node.isEval !== true && typeof node.value === "string"
    ? node.value
    : undefined;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function treeOf(value: unknown): Tree {
  return isTree(value) ? value : { type: typeof value };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
