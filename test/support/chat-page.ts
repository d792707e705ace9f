import type { Browser, Locator, Page } from "playwright-core";

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 360, height: 740 };

/** Milliseconds until something that must show counts as missing: a function may start cold on a busy machine. */
const PATIENCE = 15_000;

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

  static async open(browser: Browser, viewport = DESKTOP): Promise<ChatPage> {
    return new ChatPage(await browser.newPage({ viewport }));
  }

  async enterAs(url: string, nickname: string): Promise<void> {
    await this.page.goto(url);
    await this.choose(nickname);
    await this.person(nickname).waitFor({ state: "attached" });
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

  note(text: string): Locator {
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
