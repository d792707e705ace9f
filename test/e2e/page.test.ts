import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
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
    await bob.note(/^Back after \d+ s\. Nothing was said meanwhile\.$/).waitFor();
    expect(wires).toHaveLength(2);
    await bob.say("Here again");
    await ann.message("Here again").waitFor();
    await bob.person("Ann").waitFor();
  });

  /** Each connection after the first is let through when `open` is called: what happens while there is none takes what it takes. */
  async function holdConnections(visitor: ChatPage): Promise<() => void> {
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    let first = true;
    await visitor.page.routeWebSocket(/EIO=4/, async (wire) => {
      if (!first) await opened;
      first = false;
      wire.connectToServer();
    });
    return open;
  }

  test("after a cut the page shows what arrived, and how, each once", async () => {
    const ann = await enter("Ann", "tunnel");
    const bob = await visit();
    const open = await holdConnections(bob);
    await bob.enterAs(`${server.url}/#tunnel`, "Bob");
    await Promise.all([ann.person("Bob").waitFor(), bob.person("Ann").waitFor()]);
    await ann.turnTo("Bob");
    await bob.page.getByRole("button", { name: "Cut the connection for 5 s" }).click();
    await bob.note("The connection was lost").waitFor();
    await ann.sayDirectly("For you alone");
    await ann.message("For you alone").waitFor();
    await ann.page.locator("#direct-back").click();
    await ann.note("Bob left").waitFor();
    for (const text of ["First", "Second"]) {
      await ann.say(text);
      await ann.message(text).waitFor();
    }
    open();
    await bob
      .note(/^Back after \d+ s\. 3 messages arrived .*: 2 by recovery, 1 from your inbox\.$/)
      .waitFor();
    await ann.note("Bob is back").waitFor();
    await ann.say("Third");
    await bob.message("Third").waitFor();
    expect(await bob.page.locator("#messages .message .text").allTextContents()).toEqual([
      "First",
      "Second",
      "Third",
    ]);
    const away = "while you were away";
    expect(await bob.late("First", "Second", "Third")).toEqual({
      First: away,
      Second: away,
      Third: undefined,
    });
    await bob.thread("Ann").click();
    await bob.message("For you alone").waitFor();
    expect(await bob.page.locator("#direct-messages .text").allTextContents()).toEqual(["For you alone"]);
    expect(await bob.late("For you alone")).toEqual({ "For you alone": "waited in your inbox" });
    expect(await bob.person("Ann").count()).toBe(1);
  });

  test("the page says what came late, more of it when more comes, and what is lost", async () => {
    const ann = await visit();
    await ann.page.goto(server.url);
    const said = await ann.page.evaluate(`(async () => {
      const { Arrivals } = await import("/arrivals.js");
      const notes = [];
      const arrivals = new Arrivals((text) => {
        const at = notes.push(text) - 1;
        return (other) => { notes[at] = other; };
      });
      const came = (way, at) => arrivals.take(way, at);
      arrivals.back(false);
      const first = [came("inbox", 1), came("recovery", 1)];
      arrivals.settled(100);
      arrivals.lost();
      arrivals.back(true);
      const late = [came("recovery", 150), came("inbox", 150)];
      arrivals.settled(200);
      const after = [came("inbox", 160), came("inbox", 201), came("recovery", 201)];
      arrivals.lost();
      arrivals.back(false);
      arrivals.settled(300);
      const lost = [came("recovery", 250), came("inbox", 250)];
      return { notes, first, late, after, lost };
    })()`);
    expect(said).toEqual({
      // A page that was loaded has not been away.
      first: [true, false],
      late: [true, true],
      after: [true, false, false],
      lost: [false, true],
      notes: [
        "Back after 0 s. 3 messages arrived afterwards: 1 by recovery, 2 from your inbox.",
        "Back after 0 s. The session was not restored: what the room said meanwhile is lost. 1 message arrived afterwards: 1 from your inbox.",
      ],
    });
  });

  test("a direct message waits for who is not there, and stays after a reload", async () => {
    const ann = await enter("Ann", "post office");
    const bob = await enter("Bob", "post office");
    const cy = await enter("Cy", "post office");
    await Promise.all([ann.person("Bob").waitFor(), cy.person("Bob").waitFor()]);
    await ann.turnTo("Bob");
    // Away, as far as the server knows: another page, and nothing is kept of this one but the browser's storage.
    await bob.page.goto("about:blank");
    await cy.note("Bob left").waitFor();
    await ann.sayDirectly("See you later");
    await ann.message("See you later").waitFor();
    await bob.page.goto(`${server.url}/#post%20office`);
    await bob.inRoom("post office");
    await bob.thread("Ann").getByLabel("1 unread message").waitFor();
    await bob.thread("Ann").click();
    await bob.message("See you later").waitFor();
    expect(await bob.late("See you later")).toEqual({ "See you later": "waited in your inbox" });
    await bob.sayDirectly("Now I am here");
    await ann.message("Now I am here").waitFor();
    expect(await ann.late("Now I am here")).toEqual({ "Now I am here": undefined });
    await bob.page.reload();
    await bob.inRoom("post office");
    await bob.thread("Ann").click();
    await bob.message("Now I am here").waitFor();
    const texts = await bob.page.locator("#direct-messages .text").allTextContents();
    expect(texts).toEqual(["See you later", "Now I am here"]);
    expect(await cy.thread("Ann").count()).toBe(0);
    expect(await cy.message("See you later").count()).toBe(0);
  });

  test("who has another key has another inbox, and without one nobody comes in", async () => {
    const ann = await enter("Ann", "keys");
    const two = await visit();
    await two.enterAs(`${server.url}/#keys`, "Bob");
    const namesake = await enter("Bob", "keys");
    const answers = await namesake.page.evaluate(`(async () => {
      const { io } = await import("/socket.io-client/socket.io.esm.min.js");
      const { url, path } = await (await fetch("./config.json")).json();
      const dial = (auth) => new Promise((resolve) => {
        const socket = io(url, { path, transports: ["websocket"], forceNew: true, auth: { nickname: "Eve", ...auth } });
        const end = (answer) => { socket.disconnect(); resolve(answer); };
        socket.on("connect", () => end("connected"));
        socket.on("connect_error", ({ message }) => end(message));
      });
      const key = "k".repeat(22);
      return Promise.all([{}, { key: "short" }, { key: ["k"] }, { key: key + "!" }, { key }].map(dial));
    })()`);
    const refused = "The key (auth.key) must be 22 to 64 letters, digits, - and _, made at random.";
    expect(answers).toEqual([refused, refused, refused, refused, "connected"]);
    await ann.page.locator("#people").getByRole("button", { name: "Message Bob" }).nth(1).waitFor();
    await ann.page.locator("#people").getByRole("button", { name: "Message Bob" }).first().click();
    await ann.sayDirectly("Which Bob?");
    await ann.message("Which Bob?").waitFor();
    await Promise.any([two.thread("Ann").waitFor(), namesake.thread("Ann").waitFor()]);
    // What comes to everybody after it shows that nothing more of it comes.
    await ann.page.locator("#direct-back").click();
    await ann.say("Good night");
    await Promise.all([two.message("Good night").waitFor(), namesake.message("Good night").waitFor()]);
    expect((await two.thread("Ann").count()) + (await namesake.thread("Ann").count())).toBe(1);
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
    await bob.turnTo(long);
    await bob.sayDirectly("z".repeat(1000));
    await ann.page.getByRole("button", { name: "Rooms 1" }).click();
    await ann
      .thread(`${long.slice(1)}i`)
      .getByLabel("1 unread message")
      .waitFor();
    await ann.thread(`${long.slice(1)}i`).click();
    await ann.message("z".repeat(1000)).waitFor();
    expect(await ann.overflow()).toBe(0);
    await ann.page.keyboard.press("Escape");
    await ann.message("x".repeat(1000)).waitFor();
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
      for (let at = 1; at <= 450; at += 1) messages.add({ id: at, from, text: "Line " + at, at }, { own: false });
      messages.add({ id: "late", from, text: "Line late", at: 449.5 }, { own: false });
      messages.add({ id: 450, from, text: "Line 450", at: 450 }, { own: false });
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
        .locator(".brief")
        .getByText(/ · \d+ ms/)
        .waitFor();
      return way;
    };
    await ann.say("Who runs this?");
    const way = await wayOf("message");
    const kinds = new Set(await way.locator(".step .kind").allTextContents());
    expect([...kinds].sort()).toEqual(["in", "post", "queue", "run", "table"]);
  });

  test("the panel begins with what has happened since the page was loaded, newest first, and misses nothing", async () => {
    const before = await enter("Eve", "past");
    await before.say("Said before");
    await before.message("Said before").waitFor();
    const ann = await enter("Ann", "past");
    await ann.say("Said unseen");
    await ann.message("Said unseen").waitFor();
    const toggle = ann.page.getByRole("button", { name: "What happens", exact: true });
    await toggle.click();
    const said = (text: string) => ann.page.locator(".way .step.frame").filter({ hasText: text });
    await said("Said unseen").waitFor({ state: "attached" });
    expect(await said("Said before").count()).toBe(0);
    await toggle.click();
    await ann.say("Said meanwhile");
    await ann.message("Said meanwhile").waitFor();
    await toggle.click();
    await said("Said meanwhile").waitFor({ state: "attached" });
    expect(await said("Said unseen").count()).toBe(1);
    const order = (await ann.page.locator(".way .step.frame").allTextContents()).join();
    expect(order.indexOf("Said meanwhile")).toBeLessThan(order.indexOf("Said unseen"));
  });

  test("a run is opened to its requests, by keyboard too, and stays open and in focus as others come", async () => {
    const ann = await enter("Ann", "opened", PHONE);
    await ann.say("Open me");
    await ann.message("Open me").waitFor();
    await ann.page.getByRole("button", { name: "What happens", exact: true }).click();
    const way = ann.page.locator(".way").filter({ hasText: "Open me" });
    const request = way.locator(".step.table").first();
    await way.waitFor();
    expect(await request.isVisible()).toBe(false);
    await way.locator("summary").focus();
    await ann.page.keyboard.press("Enter");
    await request.waitFor();
    expect(await ann.overflow()).toBe(0);
    const bob = await enter("Bob", "opened");
    await bob.say("And another");
    await ann.page.locator(".way").filter({ hasText: "And another" }).waitFor();
    expect(await request.isVisible()).toBe(true);
    expect(await way.locator("summary:focus").count()).toBe(1);
  });

  test("only the state of the panel is announced, and not all that happens", async () => {
    const ann = await enter("Ann", "quiet");
    await ann.page.getByRole("button", { name: "What happens", exact: true }).click();
    await ann.page.locator(".way").first().waitFor();
    const live = "#happens :is([aria-live], [role=status], [role=log], [role=alert])";
    expect(
      await ann.page.evaluate(
        `[...document.querySelectorAll("${live}")].map((element) => [element.id, element.role, element.ariaLive])`,
      ),
    ).toEqual([
      ["happens-state", "status", null],
      ["ways", null, "off"],
    ]);
  });

  test("the panel shows the way of each event with its cost", async () => {
    const ann = await visit();
    const body = cloudEvents.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
    await ann.page.route("**/events?*", (route) =>
      route.fulfill({ contentType: "text/event-stream", body: `retry: 600000\n\n${body}` }),
    );
    await ann.enterAs(`${server.url}/#panel`, "Ann");
    await ann.page.getByRole("button", { name: "What happens" }).click();
    await ann.page.locator(".way").nth(2).waitFor();
    expect(await ann.page.locator(".way summary b").allTextContents()).toEqual([
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
