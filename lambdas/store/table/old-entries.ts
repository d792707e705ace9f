import { entryName } from "../entry-names.ts";
import { isObject } from "./item-reader.ts";

/**
 * What entries of a map were before an update that asked for UPDATED_OLD. What that returns of a map is not documented: some
 * engines give the changed entries, some the whole map. Only the changed ones count.
 */
export function oldEntries<T>(
  part: unknown,
  names: readonly string[],
  take: (value: unknown) => T | undefined,
): readonly (readonly [string, T])[] {
  if (!isObject(part)) return [];
  return names.flatMap((name) => {
    const value = take(part[entryName(name)]);
    return value === undefined ? [] : [[name, value] as const];
  });
}
