/**
 * Reads the public members of a class or an interface out of a declaration file. A small tokenizer is enough: declaration
 * files are written by a compiler, or in its style. It knows nothing of types, and so depends on no compiler.
 */

/** What a declaration says of itself. */
export interface Declaration {
  readonly members: readonly string[];
  /** Names of what it extends, in order; of a qualified name the last part. */
  readonly bases: readonly string[];
}

const CLOSING: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]", "<": ">" };
const MODIFIERS = /^(?:(?:public|static|readonly|abstract|declare|override|get|set|protected|private)\s+)*/;

/**
 * @param source the text of a declaration file
 * @throws Error if it declares no class or interface of that name that has members
 */
export function readDeclaration(source: string, kind: "class" | "interface", name: string): Declaration {
  // What comments say of classes declares none; blanks keep the places.
  const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, (comment) => " ".repeat(comment.length));
  for (const match of code.matchAll(new RegExp(`\\b${kind}\\s+${name}\\b`, "g"))) {
    const declaration = declarationAt(source, match.index + match[0].length);
    // An interface may be declared again to add nothing.
    if (declaration.members.length > 0) return declaration;
  }
  throw new Error(`no ${kind} ${name} with members`);
}

/** @param start behind the name */
function declarationAt(source: string, start: number): Declaration {
  let at = start;
  let header = "";
  while (source[at] !== "{") {
    const next = skip(source, at);
    if (next > source.length) throw new Error("a declaration without a body");
    // Type arguments may hold braces and the word "extends"; they are no part of what is read here.
    if (source[at] !== "<") header += source.slice(at, next);
    at = next;
  }
  return { members: membersIn(source.slice(at + 1, skip(source, at) - 1)), bases: basesIn(header) };
}

function basesIn(header: string): string[] {
  const list = /\bextends\b([\s\S]*?)(?:\bimplements\b|$)/.exec(header)?.[1] ?? "";
  return list
    .split(",")
    .map((base) => base.trim().split(".").at(-1) ?? "")
    .filter((base) => base !== "");
}

function membersIn(body: string): string[] {
  const names = new Set<string>();
  let text = "";
  let hidden = false;
  for (let at = 0; at < body.length; ) {
    const next = skip(body, at);
    const token = body.slice(at, next);
    at = next;
    if (token.startsWith("/*") || token.startsWith("//")) {
      hidden = text.trim() === "" ? /@private\b/.test(token) : hidden;
    } else if (token === ";") {
      const name = hidden ? undefined : publicName(text.trim());
      if (name !== undefined) names.add(name);
      [text, hidden] = ["", false];
    } else {
      text += token;
    }
  }
  return [...names];
}

function publicName(member: string): string | undefined {
  const modifiers = MODIFIERS.exec(member)?.[0] ?? "";
  if (/\b(?:private|protected|static)\b/.test(modifiers)) return undefined;
  const name = /^[A-Za-z$][\w$]*/.exec(member.slice(modifiers.length))?.[0];
  return name === "constructor" ? undefined : name;
}

/** The end of the token that begins at `at`: a comment, a text, an arrow, all that is between two brackets, or one character. */
function skip(source: string, at: number): number {
  const rest = source.slice(at, at + 2);
  if (rest === "=>") return at + 2;
  if (rest === "//") return endOf(source, "\n", at);
  if (rest === "/*") return endOf(source, "*/", at + 2);
  const first = source[at] ?? "";
  if (first === '"' || first === "'" || first === "`") return endOf(source, first, at + 1);
  const closing = CLOSING[first];
  if (closing === undefined) return at + 1;
  let inner = at + 1;
  while (source[inner] !== closing) {
    if (inner >= source.length) throw new Error(`a ${first} that is never closed`);
    inner = skip(source, inner);
  }
  return inner + 1;
}

function endOf(source: string, end: string, from: number): number {
  const found = source.indexOf(end, from);
  return found === -1 ? source.length : found + end.length;
}
