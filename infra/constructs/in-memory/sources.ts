import { readFileSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import type { NodePath } from "@babel/traverse";
import { buildSync } from "esbuild";
import { babel } from "./babel.ts";

/** One file of the application, parsed. */
export interface Source {
  /** Absolute path. */
  readonly file: string;
  readonly text: string;
  readonly program: NodePath;
  /** The application's own files that it imports or requires, by what it writes there. */
  readonly imports: ReadonlyMap<string, string>;
}

/**
 * The application module and all of its own files that it leads to, packages left out. Empty if it cannot be bundled: esbuild
 * says what is wrong with it.
 */
export function sourcesOf(app: string): readonly Source[] {
  const directory = dirname(app);
  const inputs = inputsOf(app, directory);
  return Object.entries(inputs).flatMap(([path, { imports }]) => {
    const file = resolve(directory, path);
    const own = imports.flatMap(({ original, path: to, external }): [string, string][] =>
      original === undefined || external ? [] : [[original, resolve(directory, to)]],
    );
    const text = extname(file) === ".json" ? undefined : readFileSync(file, "utf8");
    const program = text === undefined ? undefined : parsed(file, text);
    return program === undefined || text === undefined
      ? []
      : [{ file, text, program, imports: new Map(own) }];
  });
}

function inputsOf(app: string, directory: string) {
  try {
    return buildSync({
      entryPoints: [app],
      bundle: true,
      write: false,
      metafile: true,
      platform: "node",
      format: "esm",
      packages: "external",
      absWorkingDir: directory,
      logLevel: "silent",
    }).metafile.inputs;
  } catch {
    return {};
  }
}

function parsed(file: string, text: string): NodePath | undefined {
  const { parse, traverse } = babel();
  const isTypeScript = /^\.[cm]?tsx?$/.test(extname(file));
  const hasJsx = !/^\.[cm]?ts$/.test(extname(file));
  try {
    const tree = parse(text, {
      sourceType: "unambiguous",
      errorRecovery: true,
      allowReturnOutsideFunction: true,
      plugins: [
        "decorators-legacy",
        ...(isTypeScript ? (["typescript"] as const) : []),
        ...(hasJsx ? (["jsx"] as const) : []),
      ],
    });
    let program: NodePath | undefined;
    traverse(tree, {
      Program(path) {
        program = path;
      },
    });
    return program;
  } catch {
    // What esbuild takes and Babel does not is looked at by nobody: better no advice than none of the rest.
    return undefined;
  }
}
