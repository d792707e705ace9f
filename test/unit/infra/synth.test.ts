import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { loadModel } from "../../../infra/local/template/load.ts";
import { grantsOf, synthesize, withoutGrant } from "../../support/synth.ts";

let root: string;
let assembly: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "sky synth "));
  assembly = join(root, "assembly");
  const app = join(root, "app.ts");
  await writeFile(app, 'import { Server } from "skysocket";\nexport default new Server();\n');
  await synthesize({ app, outdir: assembly, ordered: true, checkRules: true });
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describe("synthesizing in a process of its own", () => {
  test("gives an assembly with a template and bundles", async () => {
    const names = await readdir(assembly);
    expect(names).toEqual(expect.arrayContaining(["manifest.json", "Skysocket.template.json"]));
    const assets = names.filter((name) => name.startsWith("asset."));
    // The socket function's, the fan-out's and the heartbeat's.
    expect(assets).toHaveLength(3);
    for (const asset of assets) expect(await readdir(join(assembly, asset))).toContain("index.mjs");
  });

  test("hands the options on as context", async () => {
    const template = await readFile(join(assembly, "Skysocket.template.json"), "utf8");
    expect(template).toContain("LINE_QUEUE_URL");
  });

  test("warns of what handlers change in memory", async () => {
    const app = join(root, "counting.ts");
    await writeFile(
      app,
      `import { Server } from "skysocket";
const io = new Server();
const users: string[] = [];
io.on("connection", (socket) => { socket.on("join", () => { users.push(socket.id); }); });
export default io;`,
    );
    await synthesize({ app, outdir: join(root, "counting") });
    expect(loadModel(join(root, "counting")).warnings).toEqual([
      expect.stringMatching(/^SKY_STATE_IN_MEMORY .*counting\.ts:3 users: .* before it\.$/),
    ]);
    expect(loadModel(assembly).warnings).toEqual([]);
  });

  test("fails with the CDK app's one message, and nothing of its stack", async () => {
    const failing = synthesize({ app: join(root, "nowhere.ts"), outdir: join(root, "never") });
    await expect(failing).rejects.toMatchObject({
      name: "SynthError",
      message: expect.stringMatching(/^There is no application module ".*nowhere\.ts" [^\n]*$/),
    });
  });

  test("stops when told to", async () => {
    const failing = synthesize({ outdir: join(root, "stopped"), signal: AbortSignal.abort() });
    await expect(failing).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("an assembly without one of its grants", () => {
  test("lacks exactly that statement", async () => {
    const all = await grantsOf(assembly);
    expect(all).toContain("TableQuery");
    const copy = join(root, "copy");
    await mkdir(copy);
    await withoutGrant(assembly, "TableQuery", copy);
    expect(await grantsOf(copy)).toEqual(all.filter((sid) => sid !== "TableQuery"));
  });

  test("cannot be made for a grant that does not exist", async () => {
    await expect(withoutGrant(assembly, "Nope", join(root, "no copy"))).rejects.toThrow("Sid Nope, found 0");
  });
});
