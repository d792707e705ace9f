/**
 * Patterns of Java's `String.replaceAll`, as far as they mean the same in JavaScript once they are rewritten.
 * @see https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html
 */

/** Without `|` and quantified groups, on which Java's stack overflows at some thousand characters. */
const SUPPORTED =
  /^(?:\(\?s\))?\^?(?:[\w =:,'"@&%;<>/-]|\\[^\w\s]|[.(][*+?]?|\)|[*+?]|\{\d+(?:,\d*)?\}|\[\^?[\w =:,-]+\])*$/u;

/** What a `.` does not match, which are more characters than in JavaScript. */
const NOT_A_LINE_END = "[^\\n\\r\\u0085\\u2028\\u2029]";

/** As text of others, so that errors say the same. */
export const SUPPORTED_PATTERNS =
  "characters, \\ before a sign, . [] () * + ? {n}, ^ at the start, and (?s) before it";

/** A replacement of all that a pattern matches; undefined: not one that is supported. */
export function replacing(pattern: string, replacement: string): ((text: string) => string) | undefined {
  if (!SUPPORTED.test(pattern)) return undefined;
  const dotAll = pattern.startsWith("(?s)");
  const source = dotAll ? pattern.slice("(?s)".length) : pattern;
  if (/(?<!\\)\((?:[*+?])|(?<!\\)\)[*+?{]/u.test(source)) return undefined;
  const groups = source.match(/(?<!\\)\(/gu)?.length ?? 0;
  if (!isReplacement(replacement, groups)) return undefined;
  try {
    const regExp = new RegExp(dotAll ? source : withJavaDots(source), dotAll ? "gsu" : "gu");
    return (text) => text.replace(regExp, replacement);
  } catch {
    return undefined;
  }
}

/** Groups by one digit; any other "$" and each "\" mean something else in Java. */
function isReplacement(replacement: string, groups: number): boolean {
  if (!/^(?:[^$\\]|\$\d(?!\d))*$/u.test(replacement)) return false;
  return [...replacement.matchAll(/\$(\d)/gu)].every(
    ([, group]) => Number(group) >= 1 && Number(group) <= groups,
  );
}

function withJavaDots(source: string): string {
  return source.replace(/\\.|\[[^\]]*\]|\./gu, (token) => (token === "." ? NOT_A_LINE_END : token));
}
