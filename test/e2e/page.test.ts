import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Browser, WebSocketRoute } from "playwright-core";
import { findChromium, launchChromium } from "../support/browser.ts";
import { ChatPage, DESKTOP, PHONE } from "../support/chat-page.ts";
import { type ChatServer, startChatServer } from "../support/chat-server.ts";
import { cloudEvents } from "../support/cloud-events.ts";

const chromium = findChromium();
if (!chromium) {
  process.stderr.write(
    "The page is not tested: there is no Chromium here (install one or set CHROME_PATH).\n",
  );
}

jest.setTimeout(60_000);

(chromium ? describe : describe.skip)("the page", () => {
  let server: ChatServer;
  let browser: Browser;
  const open: ChatPage[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([startChatServer(), launchChromium(chromium ?? "")]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });
  afterEach(async () => {
    const pages = open.splice(0);
    await Promise.all(pages.map((page) => page.close()));
    expect(pages.flatMap(({ complaints }) => complaints)).toEqual([]);
  });

  async function visit(viewport = DESKTOP): Promise<ChatPage> {
    const visitor = await ChatPage.open(browser, viewport);
    open.push(visitor);
    return visitor;
  }
  /** Tests do not meet each other's people: each has a lobby of its own. */
  async function enter(nickname: string, room: string, viewport = DESKTOP): Promise<ChatPage> {
    const visitor = await visit(viewport);
    await visitor.enterAs(`${server.url}/#${encodeURIComponent(room)}`, nickname);
    await visitor.inRoom(room);
    return visitor;
  }

  test("two people meet, see each other and talk", async () => {
    const ann = await enter("Ann", "hall");
    const bob = await enter("Bob", "hall");
    await ann.note("Bob came in").waitFor();
    await Promise.all([ann.person("Bob").waitFor(), bob.person("Ann").waitFor()]);
    await ann.say("Good morning");
    await Promise.all([ann.message("Good morning").waitFor(), bob.message("Good morning").waitFor()]);
    await bob.say("Hello Ann");
    await ann.message("Hello Ann").waitFor();
    expect(await bob.page.locator("#people-count").textContent()).toBe("2 here");
    expect(await bob.page.locator(".message.own").count()).toBe(1);
    await bob.close();
    await ann.note("Bob left").waitFor();
    expect(await ann.person("Bob").count()).toBe(0);
  });

  test("what a stranger writes is text, whatever it looks like", async () => {
    const markup = `<img src=x onerror="document.title='owned'"><b>bold</b>`;
    const ann = await enter("Ann", "text");
    const bob = await enter("<i>Bob</i>", "text");
    await bob.say(markup);
    await ann.message(markup).waitFor();
    await ann.person("<i>Bob</i>").waitFor();
    expect(await ann.page.locator("#messages img, #messages .text b, main i").count()).toBe(0);
    expect(await ann.page.title()).toBe("Skysocket chat");
  });

  test("typing shows and ends with the message", async () => {
    const ann = await enter("Ann", "typing");
    const bob = await enter("Bob", "typing");
    await bob.page.locator("#text").pressSequentially("So");
    await ann.page.getByText("Bob is typing…").waitFor();
    await bob.say("So what");
    await ann.message("So what").waitFor();
    expect(await ann.page.locator("#typing").textContent()).toBe("");
  });

  test("whoever changes rooms hears the new one and no more of the old one", async () => {
    const ann = await enter("Ann", "lobby");
    const bob = await enter("Bob", "lobby");
    const cy = await enter("Cy", "tea kitchen");
    await bob.go("tea kitchen");
    await ann.note("Bob left").waitFor();
    await cy.note("Bob came in").waitFor();
    await bob.say("Only for the kitchen");
    await cy.message("Only for the kitchen").waitFor();
    await bob.go("lobby");
    await bob.say("Back again");
    await ann.message("Back again").waitFor();
    expect(await ann.message("Only for the kitchen").count()).toBe(0);
    expect(await cy.person("Bob").count()).toBe(0);
  });

  test("a room of one's own is entered by its name, kept by a reload and left", async () => {
    const ann = await enter("Ann", "lobby");
    await ann.page.getByLabel("Another room").fill("  Ann's  Den ");
    await ann.page.getByRole("button", { name: "Enter" }).click();
    await ann.inRoom("ann's den");
    await ann.page.reload();
    await ann.inRoom("ann's den");
    await ann.person("Ann").waitFor();
    expect(await ann.page.locator("#nickname-dialog").isVisible()).toBe(false);
    await ann.page.getByRole("button", { name: "Leave" }).click();
    await ann.page.getByText("You are in no room").waitFor();
    expect(await ann.page.locator("#text").isDisabled()).toBe(true);
    await ann.go("ann's den");
    await ann.say("Home");
    await ann.message("Home").waitFor();
  });

  test("the notice board is everybody's, and a notice goes with its author", async () => {
    const ann = await enter("Ann", "east wing");
    const bob = await enter("Bob", "west wing");
    await bob.page.getByLabel("Your notice").fill("Lamp found");
    await bob.page.getByRole("button", { name: "Pin" }).click();
    await ann.notice("Lamp found").waitFor();
    const cy = await enter("Cy", "east wing");
    await cy.notice("Lamp found").waitFor();
    await bob.page.getByRole("button", { name: "Take your notice down" }).click();
    await ann.notice("Lamp found").waitFor({ state: "detached" });
    await bob.page.getByLabel("Your notice").fill("Lamp lost");
    await bob.page.getByRole("button", { name: "Pin" }).click();
    await ann.notice("Lamp lost").waitFor();
    await bob.close();
    await ann.notice("Lamp lost").waitFor({ state: "detached" });
  });

  test("a nickname changes everywhere, and one that cannot be is refused with the reason", async () => {
    const ann = await enter("Ann", "names");
    const bob = await visit();
    await bob.page.goto(`${server.url}/#names`);
    // Nothing but an invisible character: the page lets it pass, the server does not.
    await bob.choose("\u202e");
    await bob.page.getByText("The nickname is empty.").waitFor();
    await bob.choose("Bob");
    await ann.note("Bob came in").waitFor();
    await bob.page.getByRole("button", { name: "change your nickname" }).click();
    await bob.choose("Robert");
    await ann.note("Bob is now Robert").waitFor();
    await Promise.all([ann.person("Robert").waitFor(), bob.person("Robert").waitFor()]);
    await bob.say("Me again");
    await ann.message("Me again").waitFor();
    expect(await ann.page.locator(".message .meta b").allTextContents()).toEqual(["Robert"]);
  });

  test("a lost connection shows, and the page comes back by itself", async () => {
    const ann = await enter("Ann", "cut");
    const bob = await visit();
    const wires: WebSocketRoute[] = [];
    await bob.page.routeWebSocket(/EIO=4/, (wire) => {
      wires.push(wire);
      wire.connectToServer();
    });
    await bob.enterAs(`${server.url}/#cut`, "Bob");
    await ann.person("Bob").waitFor();
    await wires[0]?.close({ code: 1001, reason: "Going away" });
    await bob.note("The connection was lost").waitFor();
    await bob.note("You are back; what was said meanwhile is not shown").waitFor();
    expect(wires).toHaveLength(2);
    await bob.say("Here again");
    await ann.message("Here again").waitFor();
    await bob.person("Ann").waitFor();
  });

  test("a phone shows every view without scrolling sideways", async () => {
    const long = "W".repeat(24);
    const ann = await enter(long, "phone", PHONE);
    const bob = await enter(`${long.slice(1)}i`, "phone");
    await bob.say("x".repeat(1000));
    await ann.message("x".repeat(1000)).waitFor();
    await bob.page.getByLabel("Your notice").fill("y".repeat(200));
    await bob.page.getByRole("button", { name: "Pin" }).click();
    await ann.page.getByRole("button", { name: "Notices 1" }).waitFor();
    for (const view of ["Rooms", "People", "Notices", "Chat"]) {
      await ann.page.getByRole("navigation").getByRole("button", { name: view }).click();
      expect([view, await ann.overflow()]).toEqual([view, 0]);
    }
    await ann.page.getByRole("button", { name: "What happens" }).click();
    await ann.page.getByRole("heading", { name: "What happens" }).waitFor();
    expect(await ann.overflow()).toBe(0);
  });

  test("many messages keep the end in view, and the page small", async () => {
    const ann = await enter("Ann", "flood");
    // Straight into the log: what the page does with them is asked here, not how they get there.
    await ann.page.evaluate(`(async () => {
      const { Messages } = await import("/messages.js");
      const messages = new Messages();
      const from = { id: "x", nickname: "Bob" };
      for (let at = 1; at <= 450; at += 1) messages.add({ from, text: "Line " + at, at }, { own: false });
      messages.add({ from, text: "Line late", at: 449.5 }, { own: false });
      await new Promise(requestAnimationFrame);
    })()`);
    await ann.message("Line 450").waitFor();
    const texts = await ann.page.locator(".message .text").allTextContents();
    expect(texts.slice(-3)).toEqual(["Line 449", "Line late", "Line 450"]);
    expect(texts).toHaveLength(400);
    expect(await ann.page.evaluate("log.scrollHeight - log.scrollTop - log.clientHeight")).toBeLessThan(2);
  });

  test("the panel follows what the local cloud does", async () => {
    const ann = await enter("Ann", "live");
    await ann.page.getByRole("button", { name: "What happens" }).click();
    await ann.page.getByText("live", { exact: true }).waitFor();
    const wayOf = async (event: string) => {
      const way = ann.page.locator(".way").filter({ hasText: `“${event}” in /` });
      await way
        .locator(".function")
        .getByText(/^\d+ ms/)
        .waitFor();
      return way;
    };
    await ann.say("Who runs this?");
    const way = await wayOf("message");
    const kinds = new Set(await way.locator(".step .kind").allTextContents());
    expect([...kinds]).toEqual(["in", "run", "table", "post"]);
  });

  test("the panel shows the way of each event with its cost", async () => {
    const ann = await visit();
    const body = cloudEvents.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
    await ann.page.route("**/events", (route) =>
      route.fulfill({ contentType: "text/event-stream", body: `retry: 600000\n\n${body}` }),
    );
    await ann.enterAs(`${server.url}/#panel`, "Ann");
    await ann.page.getByRole("button", { name: "What happens" }).click();
    await ann.page.locator(".way").nth(2).waitFor();
    expect(await ann.page.locator(".way .head b").allTextContents()).toEqual([
      "A client connects",
      "“message” in /",
      "Called by another run",
    ]);
    expect(await ann.page.locator(".way").nth(1).locator(".step").allTextContents()).toEqual([
      'in421["message","lobby","hi"]29 B',
      "runRealtimeSocket10 ms",
      "tableQuery1 read",
      'post431[{"ok":true}]16 B',
    ]);
    // $1.00 in, $1.00 out, $0.20 and 10 ms of 512 MB, one read at $0.125: per million.
    expect(await ann.page.locator(".way .cost").nth(1).textContent()).toBe("$2.39 a million");
    expect(await ann.page.locator("#totals dd").allTextContents()).toEqual([
      "1",
      "2",
      "3",
      "3",
      "1 / 2",
      "$0.00000518",
    ]);
    await ann.page.keyboard.press("Escape");
    expect(await ann.page.locator("#happens").isVisible()).toBe(false);
  });
});
