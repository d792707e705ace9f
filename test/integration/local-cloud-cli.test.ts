import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { io } from "socket.io-client";

const children = new Set<ChildProcess>();
let directory: string;
let app: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "skysocket-cli-"));
  app = join(directory, "app.ts");
  await writeFile(join(directory, "answer.ts"), 'export const answer = "one";');
  await writeFile(
    app,
    `import { Server } from "skysocket";
import { answer } from "./answer.ts";
const io = new Server();
let asked = 0;
io.on("connection", (socket) => { socket.on("ask", (ack) => { asked++; ack(answer); }); });
export default io;`,
  );
});

afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

function run(...args: string[]) {
  const { NODE_OPTIONS: _jests, ...env } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", resolve("infra/local/cli.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env,
  });
  children.add(child);
  const stdout: string[] = [];
  const stderr: string[] = [];
  const out = createInterface({ input: child.stdout }).on("line", (line) => stdout.push(line));
  const err = createInterface({ input: child.stderr }).on("line", (line) => stderr.push(line));
  return {
    child,
    stdout,
    stderr,
    ready: once(out, "line"),
    ended: once(child, "close"),
    /** Resolves with the next line on stderr that has this in it. */
    async logged(text: string): Promise<string> {
      for (;;) {
        const [line] = await once(err, "line");
        if (String(line).includes(text)) return String(line);
      }
    },
  };
}

describe("npm run dev", () => {
  test("says in one line of JSON that it is ready, follows changes, and ends on a signal", async () => {
    const { child, stdout, stderr, ready, ended, logged } = run("--json", "--port", "0", "--app", app);
    const [line] = await ready;
    const place = JSON.parse(String(line));
    expect(stderr.filter((text) => text.includes("WARN SKY_STATE_IN_MEMORY"))).toEqual([
      expect.stringMatching(/app\.ts:4 asked: handlers change this variable of the module \(line 5\)/),
    ]);
    expect(place).toEqual({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      path: "/prod",
      ws: `${String(place.url).replace("http", "ws")}/prod`,
    });
    const socket = io(place.url, { path: place.path, transports: ["websocket"], forceBase64: true });
    expect(await socket.emitWithAck("ask")).toBe("one");

    const rebuilt = logged("Rebuilt in");
    await writeFile(join(directory, "answer.ts"), 'export const answer = "two";');
    await rebuilt;
    expect(await socket.emitWithAck("ask")).toBe("two");
    const refused = logged("Not rebuilt");
    await writeFile(join(directory, "answer.ts"), "const a b;");
    expect(await refused).toContain('Expected ";" but found "b"');
    expect(await socket.emitWithAck("ask")).toBe("two");

    socket.disconnect();
    child.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
    expect(stdout).toHaveLength(1);
  });

  test("tells in one line that a port is in use", async () => {
    const server = await listening();
    const address = server.address();
    const port = typeof address === "object" ? address?.port : undefined;
    const { ended, stderr, stdout } = run("--port", String(port), "--app", app);
    expect(await ended).toEqual([1, null]);
    expect(stderr).toEqual([expect.stringMatching(`^Port ${port} is in use\\.`)]);
    expect(stdout).toEqual([]);
    server.close();
  });

  test("tells in one line that the application is broken", async () => {
    const broken = join(directory, "broken.ts");
    await writeFile(broken, "export default 7;");
    const { ended, stderr } = run("--port", "0", "--app", broken);
    expect(await ended).toEqual([1, null]);
    expect(stderr).toEqual([expect.stringContaining(`${broken} does not load: `)]);
  });

  test("explains itself", async () => {
    const { ended, stdout } = run("--help");
    expect(await ended).toEqual([0, null]);
    expect(stdout.join("\n")).toContain("--dynamodb URL");
  });
});

async function listening(): Promise<Server> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}
