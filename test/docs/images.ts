/**
 * Takes the picture of the example's page that the README shows: `npm run docs:images`. The page runs on a local cloud, with the
 * panel that shows what each event does. Numbers in it differ each time, so commit a new picture when the page has changed.
 * docs/images/architecture.svg is written by hand.
 */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { findChromium, launchChromium } from "../support/browser.ts";
import { ChatPage } from "../support/chat-page.ts";
import { startChatServer } from "../support/chat-server.ts";

const IMAGES = fileURLToPath(new URL("../../docs/images/", import.meta.url));
/** As wide as the page with its panel needs, and no wider: phones show the README too. */
const VIEWPORT = { width: 1000, height: 620 };
const SCALE = 2;

const chromium = findChromium();
if (!chromium) throw new Error("There is no Chromium here: install one, or set CHROME_PATH.");

await mkdir(IMAGES, { recursive: true });
const server = await startChatServer();
const browser = await launchChromium(chromium);
try {
  const ada = await ChatPage.open(browser, VIEWPORT, SCALE);
  const grace = await ChatPage.open(browser, VIEWPORT);
  await ada.enterAs(`${server.url}/#lobby`, "Ada");
  await grace.enterAs(`${server.url}/#lobby`, "Grace");
  await ada.note("Grace came in").waitFor();
  await ada.page.getByRole("button", { name: "What happens" }).click();
  await ada.page.getByText("live", { exact: true }).waitFor();
  await say(ada, grace, "Hello! Which server is this?");
  await say(grace, ada, "None.");
  const card = ada.page.locator("#ways > li").filter({ hasText: '"None."' });
  // The run is over when the panel knows how long it took.
  await card.getByText(/^\d+ ms$/).waitFor({ state: "attached" });
  await card.locator("summary").click();
  await ada.page.screenshot({ path: `${IMAGES}local-page.png` });
} finally {
  await browser.close();
  await server.stop();
}

async function say(from: ChatPage, to: ChatPage, text: string): Promise<void> {
  await from.say(text);
  await Promise.all([from.message(text).waitFor(), to.message(text).waitFor()]);
}
