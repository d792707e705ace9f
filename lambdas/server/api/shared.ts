import { notAvailable } from "../common/unavailable.ts";
import type { NamespaceCore } from "../declared/namespace-core.ts";
import { withShared } from "../declared/with-shared.ts";
import { scopes } from "../invocation/scope.ts";

/** `io.shared` and `io.of(name).shared`. */
export interface Shared {
  /**
   * A variable of the module that outlives an event and is the same in all instances: an array, a plain object, a Map or a Set of
   * plain values. It is the same object all the time. Its content is there when code of an event of the namespace runs, and what
   * that changes is kept. While a namespace has such variables, its events run one at a time.
   * @param initial the content until something else has been kept; it becomes the variable
   * @throws SkysocketError for what cannot be kept, and inside an event
   */
  <T extends object>(name: string, initial: T): T;
  /** Outside of events: runs code that reads or changes shared variables of the namespace, when it is its turn. */
  run<R>(code: () => R | Promise<R>): Promise<R>;
}

export function sharedOf(core: NamespaceCore): Shared {
  const shared = <T extends object>(name: string, initial: T): T => {
    core.server.assertDeclaring("shared()");
    if (core.place !== undefined) {
      throw notAvailable(
        "shared() of a namespace with a pattern or a function",
        "it stands for many. Name the namespace.",
      );
    }
    return core.share(name, initial);
  };
  return Object.assign(shared, { run: <R>(code: () => R | Promise<R>) => run(core, code) });
}

async function run<R>(core: NamespaceCore, code: () => R | Promise<R>): Promise<R> {
  const { server, shared } = core;
  const what = "shared.run()";
  const acting = server.acting();
  if (acting) return await withShared(acting.invocation, core, what, code);
  if (!shared) return await code();
  const { stay } = scopes.getStore() ?? {};
  return await server.actOutside(what, async (invocation) => {
    const tenure = invocation.tenures.of(shared);
    if (stay?.owner === tenure) return await withShared(invocation, core, what, code);
    return await tenure.alone(async () => {
      try {
        return await withShared(invocation, core, what, code);
      } finally {
        await invocation.otherEffects();
        await tenure.close();
      }
    });
  });
}
