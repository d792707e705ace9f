import type { Browser, Locator, Page } from "playwright-core";

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };

/** Milliseconds until something that must show counts as missing: a function may start cold on a busy machine. */
const PATIENCE = 5 * 60_000;

/** One person with the page in front of them, in a browser profile of their own. */
export class ChatPage {
  readonly page: Page;
  /** What the page complained about in the console: errors, warnings and uncaught exceptions. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(PATIENCE);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  /** @param deviceScaleFactor pixels of the screen for each of the page's */
  static async open(browser: Browser, viewport = DESKTOP, deviceScaleFactor = 1): Promise<ChatPage> {
    return new ChatPage(await browser.newPage({ viewport, deviceScaleFactor }));
  }

  async enterAs(url: string, nickname: string): Promise<void> {
    await this.page.goto(url);
    await this.choose(nickname);
    await this.person(nickname).first().waitFor({ state: "attached" });
  }

  /** Fills in the nickname dialog. */
  async choose(nickname: string): Promise<void> {
    await this.page.getByLabel("Nickname", { exact: true }).fill(nickname);
    await this.page.getByRole("button", { name: "Start chatting" }).click();
  }

  async say(text: string): Promise<void> {
    await this.page.locator("#text").fill(text);
    await this.page.locator("#text").press("Enter");
  }

  async go(room: string): Promise<void> {
    await this.page
      .locator("#rooms")
      .getByRole("button", { name: `# ${room}`, exact: true })
      .click();
    await this.inRoom(room);
  }

  /** Resolves when the server has let this page in: only then the room is marked in the list. */
  async inRoom(room: string): Promise<void> {
    await this.page
      .locator("#rooms [aria-current]")
      .and(this.page.getByTitle(room, { exact: true }))
      .waitFor({ state: "attached" });
  }

  message(text: string): Locator {
    return this.page.locator(".message:not(.pending) .text").getByText(text, { exact: true });
  }

  /** What messages say of themselves that came later than they were said, by their text. */
  async late(...texts: string[]): Promise<Record<string, string | undefined>> {
    const rows = texts.map(async (text): Promise<[string, string | undefined]> => {
      const row = this.page.locator(".bubble").filter({ has: this.page.getByText(text, { exact: true }) });
      const late = await row.locator(".late").allTextContents();
      return [text, late[0]];
    });
    return Object.fromEntries(await Promise.all(rows));
  }

  /** Opens the direct messages with somebody who is in the room. */
  async turnTo(nickname: string): Promise<void> {
    await this.page
      .locator("#people")
      .getByRole("button", { name: `Message ${nickname}`, exact: true })
      .click();
    await this.page.locator("#direct-name").getByText(nickname, { exact: true }).waitFor();
  }

  async sayDirectly(text: string): Promise<void> {
    await this.page.locator("#direct-text").fill(text);
    await this.page.locator("#direct-text").press("Enter");
  }

  /** With whom there are direct messages, as the list shows it. */
  thread(nickname: string): Locator {
    return this.page.locator("#threads").getByRole("button", { name: `@ ${nickname}` });
  }

  note(text: string | RegExp): Locator {
    return this.page.locator(".note").getByText(text, { exact: true });
  }

  notice(text: string): Locator {
    return this.page.locator(".notice .text").getByText(text, { exact: true });
  }

  person(nickname: string): Locator {
    return this.page.locator("#people .name").getByText(nickname, { exact: true });
  }

  /** Pixels that the document is wider than the window. */
  async overflow(): Promise<unknown> {
    return this.page.evaluate("document.documentElement.scrollWidth - window.innerWidth");
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}
