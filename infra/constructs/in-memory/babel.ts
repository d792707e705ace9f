import { createRequire } from "node:module";
import { codeFile, IS_BUILT } from "../../package-files.ts";

/** Babel takes a third of a second to load, which whoever only wants a template does not need: it is loaded when it is used. */
const load = createRequire(import.meta.url);

interface Babel {
  readonly parser: typeof import("@babel/parser");
  readonly traverse: typeof import("@babel/traverse");
}

export function babel() {
  const { parser, traverse }: Babel = IS_BUILT
    ? load(codeFile("infra/constructs/in-memory/babel.cjs"))
    : { parser: load("@babel/parser"), traverse: load("@babel/traverse") };
  return { parse: parser.parse, traverse: traverse.default };
}
