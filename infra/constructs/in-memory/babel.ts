import { createRequire } from "node:module";

/** Babel takes a third of a second to load, which whoever only wants a template does not need: it is loaded when it is used. */
const load = createRequire(import.meta.url);

export function babel() {
  const parser: typeof import("@babel/parser") = load("@babel/parser");
  const traverse: typeof import("@babel/traverse") = load("@babel/traverse");
  return { parse: parser.parse, traverse: traverse.default };
}
