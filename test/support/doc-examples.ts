/** Examples in documents, as modules that a compiler can check. */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

interface Example {
  /** Says where it is, such as `README.md:12`. */
  readonly place: string;
  readonly language: "ts" | "js";
  readonly code: string;
}

/** What examples take for granted, by name. An example that declares a name itself does not get it. */
const SERVER_NAMES: Readonly<Record<string, string>> = {
  Server: 'typeof import("skysocket").Server',
  io: 'import("skysocket").Server',
  socket: 'import("skysocket").Socket',
  SkysocketApi: 'typeof import("skysocket/cdk").SkysocketApi',
  stack: 'import("aws-cdk-lib").Stack',
  realtime: 'import("skysocket/cdk").SkysocketApi',
  reminders: 'import("aws-cdk-lib/aws-lambda").Function',
  guard: 'import("aws-cdk-lib/aws-lambda").Function',
  findUser: "(token: unknown) => Promise<{ id: string } | undefined>",
  verify: "(token: unknown) => Promise<{ id: string } | undefined>",
  // Of applications that are moved (docs/PORTING.md).
  ...Object.fromEntries(
    ["db", "recorder", "rules", "session", "play", "enter", "newToken", "name", "SITE"].map((name) => [
      name,
      "any",
    ]),
  ),
  COLORS: "string[]",
};
const CLIENT_NAMES: Readonly<Record<string, string>> = {
  socket: 'import("socket.io-client").Socket',
  url: "string",
  orders: "{ has(id: string): Promise<boolean>; add(order: { id: string }): Promise<void> }",
  reload: "() => void",
};

/** What the compiler has to say about the examples of a document in TypeScript, JavaScript and, as they are after it, in diffs. */
export async function checkExamples(documents: ReadonlyMap<string, string>): Promise<readonly string[]> {
  // Inside node_modules, which is not in Git, where imports of packages are found.
  const directory = await mkdtemp(join(ROOT, "node_modules", ".examples-"));
  try {
    const examples = [...documents].flatMap(([document, text]) => examplesOf(document, text));
    if (examples.length === 0) throw new Error("no example was found in the documents");
    const places = new Map(examples.map(({ place, language }, n) => [`example-${n}.${language}`, place]));
    await Promise.all(
      examples.map((example, n) =>
        writeFile(join(directory, `example-${n}.${example.language}`), moduleOf(example)),
      ),
    );
    await writeFile(join(directory, "tsconfig.json"), JSON.stringify(configOf([...places.keys()])));
    return (await compile(directory)).map((line) =>
      line.replace(/^.*?(example-\d+\.[jt]s)/, (_, file: string) => places.get(basename(file)) ?? file),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function examplesOf(document: string, text: string): readonly Example[] {
  return [...text.matchAll(/^```(ts|js|diff)\n([\s\S]*?)^```$/gm)].map(
    ({ 1: kind, 2: code = "", index }) => ({
      place: `${document}:${text.slice(0, index).split("\n").length}`,
      language: kind === "js" ? "js" : "ts",
      code: kind === "diff" ? afterwards(code) : code,
    }),
  );
}

/** The lines that stay and those that are new. */
const afterwards = (diff: string): string =>
  diff
    .split("\n")
    .filter((line) => !line.startsWith("-"))
    .map((line) => line.slice(1).replaceAll("{ … }", "{}"))
    .join("\n");

/** The names that it lacks come before it on its first line, so that the lines of a complaint are its own. */
function moduleOf({ language, code }: Example): string {
  const names = Object.entries(language === "ts" ? SERVER_NAMES : CLIENT_NAMES);
  const declared = names
    .filter(([name]) => new RegExp(`\\b${name}\\b`).test(code) && !declares(code, name))
    .map(([name, type]) =>
      language === "ts"
        ? `declare const ${name}: ${type};`
        : `const ${name} = /** @type {${type}} */ (/** @type {unknown} */ (undefined));`,
    );
  return `${declared.join(" ")} ${code}\nexport {};\n`;
}

const declares = (code: string, name: string): boolean =>
  new RegExp(`(?:const|let) (?:${name}\\b|\\{[^}]*\\b${name}\\b)|import [^;]*\\b${name}\\b[^;]* from `).test(
    code,
  );

const configOf = (files: readonly string[]) => ({
  extends: join(ROOT, "tsconfig.json"),
  compilerOptions: {
    // Callbacks without types are any's, as in applications that declare no events.
    noImplicitAny: false,
    allowJs: true,
    checkJs: true,
    verbatimModuleSyntax: false,
    lib: ["es2023", "dom"],
  },
  files,
  include: [],
  exclude: [],
});

/** Lines of complaints. */
async function compile(directory: string): Promise<readonly string[]> {
  try {
    await promisify(execFile)(process.execPath, [TSC, "-p", directory, "--pretty", "false"]);
    return [];
  } catch (error) {
    // No instanceof: under Jest, errors of Node are of another realm.
    const output = typeof error === "object" && error && "stdout" in error ? String(error.stdout) : "";
    if (output === "") throw error;
    return output.trim().split("\n");
  }
}
