import type { NodePath } from "@babel/traverse";
import { type Functions, functionOf } from "./functions.ts";
import type { Places } from "./places.ts";
import { bare, initOf, memberName } from "./syntax.ts";

/** When code runs: while the module is loaded, when a client connects and in each replay of that, or when something happens. */
export type Time = "load" | "connection" | "event";

/** Members of sockets and namespaces that take a function to call later. */
const REGISTERING = new Set([
  "on",
  "once",
  "addListener",
  "prependListener",
  "prependOnceListener",
  "onAny",
  "prependAny",
  "onAnyOutgoing",
  "prependAnyOutgoing",
  "use",
]);

/** Names that people give to a server or a namespace. */
const SERVER_NAME =
  /^(?:io|ws|wss|nsp|ns|sockets?|namespace|server|\w*(?:Io|IO|Nsp|Namespace|SocketServer))$/i;

/**
 * How one function leads to another. `calls`: the other one runs whenever it runs. `names`: it may, once modules are loaded.
 * `registers`: it hands it to a socket, to be called when something happens.
 */
interface Lead {
  readonly how: "calls" | "names" | "registers";
  readonly to: unknown;
}

/** Which functions run when. What two kinds of code lead to runs at both times. */
export class Times {
  readonly #places: Places;
  readonly #functions: Functions;
  readonly #times = new Map<unknown, Set<Time>>();
  readonly #leads = new Map<unknown, Lead[]>();
  readonly #inline = new Set<unknown>();
  readonly #registered = new Set<unknown>();
  readonly #connectionListeners = new Set<unknown>();

  constructor(places: Places, functions: Functions, programs: readonly NodePath[]) {
    this.#places = places;
    this.#functions = functions;
    for (const program of programs) {
      this.#runs(program.node, "load");
      this.#look(program);
    }
  }

  of(fn: NodePath): ReadonlySet<Time> {
    return this.#times.get(fn.node) ?? new Set();
  }

  /** A part of the function around it, which hands it to something that calls it: `list.forEach((one) => …)`. */
  isInline(fn: NodePath): boolean {
    return this.#inline.has(fn.node);
  }

  /** Handed to a socket or a namespace. */
  isRegistered(fn: NodePath): boolean {
    return this.#registered.has(fn.node);
  }

  isConnectionListener(fn: NodePath): boolean {
    return this.#connectionListeners.has(fn.node);
  }

  #look(program: NodePath): void {
    program.traverse({
      CallExpression: (path) => this.#lookAtCall(path),
      OptionalCallExpression: (path) => this.#lookAtCall(path),
      NewExpression: (path) => this.#lookAtCall(path),
      Identifier: (path) => {
        if (path.isReferencedIdentifier()) this.#lookAtName(path);
      },
      ThisExpression: (path) => this.#lookAtName(path),
    });
  }

  #lookAtCall(path: NodePath): void {
    const callee = path.get("callee");
    const args = path.get("arguments");
    if (Array.isArray(callee) || !Array.isArray(args)) return;
    const around = functionOf(path).node;
    const registers = this.#registers(callee, args);
    if (registers !== undefined) {
      // Whoever has the server may be called by nobody that is seen here.
      if (registers === "connection") this.#runs(around, "load");
      for (const fn of this.#handedOver(args)) {
        this.#registered.add(fn.node);
        if (registers === "connection") {
          this.#connectionListeners.add(fn.node);
          this.#runs(fn.node, "connection");
        } else this.#lead(around, { how: "registers", to: fn.node });
      }
      return;
    }
    for (const fn of this.#called(path, callee)) this.#lead(around, { how: "calls", to: fn.node });
    for (const fn of [callee, ...args].map(bare)) {
      if (!fn.isFunction()) continue;
      this.#inline.add(fn.node);
      this.#lead(around, { how: "calls", to: fn.node });
    }
  }

  /** A variable, or `this`, that stands somewhere: alone or with the name of a member. */
  #lookAtName(path: NodePath): void {
    const { parentPath } = path;
    const isObject = parentPath?.get("object") === path;
    const fns = this.#functions.of(isObject && parentPath ? parentPath : path);
    const around = functionOf(path).node;
    for (const fn of fns) if (fn.node !== around) this.#lead(around, { how: "names", to: fn.node });
  }

  #registers(callee: NodePath, args: readonly NodePath[]): "connection" | "event" | undefined {
    const inner = bare(callee);
    const method = memberName(inner);
    if (method === undefined || !REGISTERING.has(method)) return undefined;
    const object = bare(inner.get("object") as NodePath);
    if (method === "use") return this.#isServer(object) ? "connection" : "event";
    const [first, second] = args;
    const event = first?.isStringLiteral() ? first.node.value : undefined;
    if (event !== "connection" && event !== "connect") return "event";
    const listener = second && this.#functions.of(second)[0];
    const takesSocket = listener?.isFunction() === true && listener.node.params.length > 0;
    if (this.#isServer(object)) return "connection";
    // A client of a database connects too, and says so to functions that take nothing.
    return event === "connection" && takesSocket ? "connection" : "event";
  }

  #isServer(object: NodePath): boolean {
    const name = object.isIdentifier() ? object.node.name : memberName(object);
    if (name !== undefined && SERVER_NAME.test(name)) return true;
    const thing = this.#places.follow(object);
    const made =
      thing?.kind === "variable" ? initOf(thing.binding) : thing?.kind === "value" ? thing.path : undefined;
    const value = made && bare(made);
    if (value?.isNewExpression()) return value.get("callee").isIdentifier({ name: "Server" });
    return value?.isCallExpression() === true && memberName(value.get("callee")) === "of";
  }

  /** The functions in the arguments of `on`, also those in a call: `socket.on("move", throttled(move))`. */
  #handedOver(args: readonly NodePath[]): readonly NodePath[] {
    return args.flatMap((arg): readonly NodePath[] => {
      const inner = bare(arg);
      if (inner.isLiteral()) return [];
      const inside = inner.isCallExpression() ? this.#handedOver(inner.get("arguments")) : [];
      return [...this.#functions.of(inner), ...inside];
    });
  }

  #called(call: NodePath, callee: NodePath): readonly NodePath[] {
    if (!call.isNewExpression()) return this.#functions.of(callee);
    const found = this.#functions.classOf(callee);
    return found ? this.#functions.whenMade(found) : this.#functions.of(callee);
  }

  #lead(from: unknown, lead: Lead): void {
    const leads = this.#leads.get(from) ?? [];
    leads.push(lead);
    this.#leads.set(from, leads);
    for (const time of this.#times.get(from) ?? []) this.#follow(lead, time);
  }

  #follow({ how, to }: Lead, time: Time): void {
    if (how === "registers") this.#runs(to, time === "load" ? "load" : "event");
    else if (how === "calls" || time !== "load") this.#runs(to, time);
  }

  #runs(fn: unknown, time: Time): void {
    const times = this.#times.get(fn) ?? new Set();
    if (times.has(time)) return;
    this.#times.set(fn, times.add(time));
    for (const lead of this.#leads.get(fn) ?? []) this.#follow(lead, time);
  }
}
