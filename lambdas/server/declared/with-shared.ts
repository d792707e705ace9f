import type { Invocation } from "../invocation/invocation.ts";
import { scopes } from "../invocation/scope.ts";
import type { NamespaceCore } from "./namespace-core.ts";

/** Runs code of the application's that may use the shared variables of a namespace, if that has any. */
export async function withShared<T>(
  invocation: Invocation,
  { shared }: Pick<NamespaceCore, "shared">,
  what: string,
  work: () => T | Promise<T>,
): Promise<T> {
  if (!shared) return await work();
  const stay = await invocation.tenures.of(shared).enter(what);
  try {
    return await scopes.run({ mode: "live", ...scopes.getStore(), invocation, stay }, work);
  } finally {
    stay.leave();
  }
}
