import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { findChromium, launchChromium } from "../support/browser.ts";
import { TestClouds } from "../support/cloud.ts";

const chromium = findChromium();
if (!chromium) {
  process.stderr.write(
    "Clients that count are not tested in a browser: there is no Chromium here (install one or set CHROME_PATH).\n",
  );
}

const APP = fileURLToPath(new URL("../apps/ordered.ts", import.meta.url));
/** What a page's own bundler makes of these imports, with what the page does: it says how its 40 events were handled. */
const PAGE = `
  import { io } from "socket.io-client";
  import { parser } from "skysocket/client";

  globalThis.burst = (path) => new Promise((resolve, reject) => {
    const socket = io({ path, transports: ["websocket"], forceBase64: true, parser });
    const counted = [];
    socket.on("connect_error", reject);
    socket.on("counted", (n, count) => {
      if (counted.push([n, count]) < 40) return;
      socket.emit("put", 1, new Uint8Array([97]), new Uint8Array([98]), new Uint8Array([99]), (n, parts) =>
        resolve({ counted, parts }));
    });
    for (let n = 0; n < 40; n++) socket.emit("count", n);
  });
`;

(chromium ? describe : describe.skip)("a page whose client counts", () => {
  const clouds = new TestClouds();
  let cloud: LocalCloud;
  let browser: Browser;

  beforeAll(async () => {
    [cloud, browser] = await Promise.all([clouds.start({ app: APP }), launchChromium(chromium ?? "")]);
  });
  afterAll(async () => {
    await browser?.close();
    await clouds.stop();
  });

  test("has its events handled in their exact order, however API Gateway's sends overlap", async () => {
    const { outputFiles } = await build({
      stdin: { contents: PAGE, resolveDir: fileURLToPath(new URL("../..", import.meta.url)) },
      ...{ bundle: true, write: false, format: "iife", platform: "browser" },
    });
    cloud.chaos.set({ overlapSendsMs: 100 });
    const page = await browser.newPage({ bypassCSP: true });
    await page.goto(cloud.url);
    await page.addScriptTag({ content: outputFiles[0]?.text ?? "" });
    const heard = await page.evaluate(`burst(${JSON.stringify(cloud.path)})`);
    expect(heard).toEqual({
      counted: Array.from({ length: 40 }, (_, n) => [n, n + 1]),
      parts: "a,b,c",
    });
    await page.close();
  });
});
