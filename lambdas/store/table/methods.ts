import type { Table } from "./table.ts";

type OfTable = (table: Table, ...args: never[]) => unknown;
type Method<F> = F extends (table: Table, ...args: infer A) => infer R ? (...args: A) => R : never;
type Methods<F> = { readonly [Name in keyof F]: Method<F[Name]> };

/** Functions of a table as methods of a store: the same without their first argument. */
export function methodsOf<F extends Readonly<Record<string, OfTable>>>(
  table: Table,
  functions: F,
): Methods<F> {
  const methods = Object.entries(functions).map(
    ([name, call]) => [name, (...args: never[]) => call(table, ...args)] as const,
  );
  return Object.fromEntries(methods) as Methods<F>;
}
