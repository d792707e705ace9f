/**
 * Bundles an application: in a process of its own, since esbuild runs plugins only where somebody can wait for it, and a construct
 * cannot. Plain JavaScript, as a process started with Node's own loader. Its counterpart is esbuild-sync.ts, which says what comes
 * in and goes out.
 */
import { createRequire, isBuiltin } from "node:module";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { build } from "esbuild";

const { options, commonjs } = JSON.parse(await text(process.stdin));

/** `require` finds what Node would find, not what an `import` in its place would. @type {import("esbuild").Plugin} */
const requires = {
  name: "require as in Node",
  setup(plugged) {
    plugged.onResolve({ filter: /^[^./]/ }, ({ kind, path, resolveDir, importer }) => {
      if (kind !== "require-call" || isBuiltin(path)) return;
      if (path in commonjs) return { path: commonjs[path] };
      if (path in options.alias) return;
      try {
        return { path: createRequire(join(resolveDir, "_")).resolve(path) };
      } catch {
        // Packages ask for others that they can do without. What the application itself asks for is missing.
        return importer.includes("node_modules") ? { path, external: true } : undefined;
      }
    });
  },
};

try {
  const { outputFiles, metafile } = await build({ ...options, plugins: [requires] });
  answer({
    files: outputFiles.map((file) => ({ path: file.path, text: file.text })),
    imports: Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path)),
  });
} catch (error) {
  if (!Array.isArray(error.errors)) throw error;
  answer({ errors: error.errors });
}

/** @param {object} value */
function answer(value) {
  process.stdout.write(JSON.stringify(value));
}
