import { BoundedMap } from "../common/bounded-map.ts";
import { decided } from "../invocation/ask-application.ts";
import type { Invocation } from "../invocation/invocation.ts";
import type { NamespaceServer } from "./namespace-core.ts";
import { type ConnectionListener, NamespaceCore } from "./namespace-core.ts";

/** Decides whether a client may connect to a namespace of that name: `next(null, true)`. */
export type NamespaceMatcher = (
  name: string,
  // biome-ignore lint/suspicious/noExplicitAny: whatever the client sent; the application has to check it anyway
  auth: { [key: string]: any },
  next: (error: Error | null, success: boolean) => void,
) => unknown;

/** Names that a warm instance remembers; they can be made again at any time, so that the oldest may go. */
const MAX_REMEMBERED = 1_000;

interface Parent {
  readonly core: NamespaceCore;
  readonly matcher: RegExp | NamespaceMatcher;
}

/**
 * Namespaces that come into being when a client asks for them. Nothing is kept of them but their sockets' rows: which of the
 * application's declarations a name belongs to is found again in each event. A pattern is matched again, that costs nothing;
 * a function, which may be slow and need the client's auth, is asked once, at CONNECT, and the row remembers its place.
 */
export class DynamicNamespaces {
  readonly #server: NamespaceServer;
  readonly #parents: Parent[] = [];
  readonly #children = new BoundedMap<string, NamespaceCore>(MAX_REMEMBERED);

  constructor(server: NamespaceServer) {
    this.#server = server;
  }

  /** @throws Error for a pattern that remembers where it stopped: it would match every other time */
  declare(matcher: RegExp | NamespaceMatcher, listener: ConnectionListener | undefined): NamespaceCore {
    if (matcher instanceof RegExp && (matcher.global || matcher.sticky)) {
      throw new Error("stateful regular expressions are not supported");
    }
    const place = this.#parents.length;
    const core = new NamespaceCore({ name: `/_${place}`, server: this.#server, declared: false, place });
    core.facade = this.#server.facades.namespace(core);
    if (listener) core.listeners.connect.push(listener);
    this.#parents.push({ core, matcher });
    return core;
  }

  /** The declaration whose pattern matches; functions are not asked. */
  patternFor(name: string): NamespaceCore | undefined {
    return this.#parents.find(({ matcher }) => matcher instanceof RegExp && matcher.test(name))?.core;
  }

  /**
   * The namespace of a row.
   * @param place what the row says of the function that let its socket in; undefined if none had to be asked
   */
  child(name: string, place: number | undefined): NamespaceCore | undefined {
    const parent = place === undefined ? this.patternFor(name) : this.#parents[place]?.core;
    return parent && this.#childOf(parent, name);
  }

  /** Asks all declarations in their order, as on stock. Undefined if none of them wants the name. */
  async admit(
    invocation: Invocation,
    name: string,
    auth: Readonly<Record<string, unknown>>,
  ): Promise<NamespaceCore | undefined> {
    for (const { core, matcher } of this.#parents) {
      const admitted =
        matcher instanceof RegExp
          ? matcher.test(name)
          : await askDeclaration(invocation, matcher, name, auth);
      if (admitted) return this.#childOf(core, name);
    }
    return undefined;
  }

  /** Where the row must say which declaration let its socket in. */
  placeToKeep(child: NamespaceCore): number | undefined {
    const place = child.parent?.place;
    return place !== undefined && this.#parents[place]?.matcher instanceof RegExp ? undefined : place;
  }

  /** A child made by a declaration, or one for an event's `io.of(name)`. */
  remember(key: string, make: () => NamespaceCore): NamespaceCore {
    const known = this.#children.get(key);
    if (known) return known;
    const made = make();
    this.#children.set(key, made);
    return made;
  }

  #childOf(parent: NamespaceCore, name: string): NamespaceCore {
    return this.remember(`${parent.place} ${name}`, () => this.#server.makeNamespace(name, true, parent));
  }
}

/** A function's decision. One that fails or stays silent lets nobody in. */
async function askDeclaration(
  invocation: Invocation,
  matcher: NamespaceMatcher,
  name: string,
  auth: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const admitted = await decided<boolean>(
    invocation,
    `the function of a dynamic namespace (${JSON.stringify(name.slice(0, 100))})`,
    (decide) => matcher(name, { ...auth }, (error, success) => decide(!error && success)),
  );
  return admitted === true;
}
