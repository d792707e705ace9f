import { Composer } from "./composer.js";
import { byId, make, plural } from "./dom.js";
import { Messages } from "./messages.js";
import { ask } from "./request.js";
import { Threads } from "./threads.js";

/** Direct messages: with whom there are some, and those with one person in the place of the room. */
export class Direct {
  #chat;
  #nickname;
  #arrivals;
  #onShown;
  #onNews;
  #threads;
  #section = byId("direct");
  #room = byId("room");
  #back = byId("direct-back");
  #list = byId("threads");
  #messages = new Messages(this.#section);
  #composer = new Composer(byId("direct-composer"), { onSay: (text) => void this.#say(text) });
  /** Whose messages are shown. */
  #with;
  #roomName;
  #roomNews = 0;

  constructor(chat, { key, nickname, arrivals, onShown, onNews }) {
    this.#chat = chat;
    this.#nickname = nickname;
    this.#arrivals = arrivals;
    this.#onShown = onShown;
    this.#onNews = onNews;
    this.#threads = new Threads(key, () => this.#refill());
    chat.on("direct", (message, acknowledge) => {
      this.#take(message);
      // It is kept: the server may forget it.
      acknowledge();
    });
    for (const event of ["connect", "disconnect"]) chat.on(event, () => this.#paint());
    this.#back.addEventListener("click", () => this.close());
    this.#section.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    document.addEventListener("visibilitychange", () => this.#paint());
    document.querySelector(".tabs").addEventListener("click", () => this.#paint());
    this.#paint();
  }

  /** Shows the messages with this person. */
  open({ address, nickname }) {
    this.#with = { address, nickname };
    this.#roomNews = 0;
    this.#room.hidden = true;
    this.#section.hidden = false;
    this.#onShown();
    this.#refill();
    this.#composer.focus();
  }

  /** Shows the room again. */
  close() {
    if (this.#with === undefined) return;
    this.#with = undefined;
    this.#section.hidden = true;
    this.#room.hidden = false;
    this.#paint();
    this.#onShown();
  }

  /** It is known whose messages they are. */
  identified() {
    this.#threads.load();
    this.#refill();
  }

  /** The name of the room that is behind; undefined if there is none. */
  set room(name) {
    this.#roomName = name;
    this.#paint();
  }

  /** Somebody said something in the room. */
  roomNews() {
    if (this.#with === undefined) return;
    this.#roomNews += 1;
    this.#paint();
  }

  note(text) {
    return this.#with && this.#messages.note(text);
  }

  #take(message) {
    const { address, nickname } = message.from;
    if (this.#threads.has({ address }, message)) return;
    const seen = this.#shows(address) && this.#visible;
    const kept = { ...message, waited: this.#arrivals.take("inbox", message.at) };
    this.#threads.add({ address, nickname }, kept, { unread: !seen });
    if (this.#shows(address)) this.#show(kept);
    this.#paint();
    if (!seen) this.#onNews();
  }

  async #say(text) {
    const { address, nickname } = this.#with;
    const from = { id: this.#chat.id, nickname: this.#nickname() };
    const pending = this.#messages.addPending({ from, text, at: Date.now() }, () => void this.#say(text));
    const answer = await ask(this.#chat, "direct", address, text);
    if (answer.ok)
      this.#threads.add({ address, nickname }, { ...answer.message, own: true }, { unread: false });
    if (this.#shows(address)) {
      if (answer.ok) pending.sent(answer.message);
      else pending.failed(answer.reason);
    }
    this.#paint();
  }

  /** On a phone another view may be in front of it. */
  get #visible() {
    return this.#section.offsetParent !== null && !document.hidden;
  }

  #shows(address) {
    return this.#with?.address === address;
  }

  #show(message) {
    const late = message.waited ? "waited in your inbox" : undefined;
    // Of one person, all their sockets are one author.
    const from = { ...message.from, id: message.from.address };
    this.#messages.add({ ...message, from }, { own: message.own === true, late });
  }

  #refill() {
    if (this.#with) {
      this.#messages.clear();
      for (const message of this.#threads.get(this.#with.address)?.messages ?? []) this.#show(message);
    }
    this.#paint();
  }

  #paint() {
    const { address, nickname } = this.#with ?? {};
    if (this.#with && this.#visible) this.#threads.read(address);
    byId("direct-name").textContent = nickname ?? "";
    const room = this.#roomName === undefined ? "Rooms" : `# ${this.#roomName}`;
    this.#back.textContent = this.#roomNews > 0 ? `← ${room} · ${this.#roomNews} new` : `← ${room}`;
    this.#composer.enable(
      this.#chat.connected,
      this.#chat.connected ? `Message ${nickname}` : "Waiting for the connection…",
    );
    byId("direct-hint").textContent =
      `It waits for ${nickname} until they have got it, also while they are away.`;
    const threads = this.#threads.all;
    byId("threads-title").hidden = threads.length === 0;
    this.#list.replaceChildren(...threads.map((thread) => this.#rowOf(thread)));
  }

  #rowOf({ address, nickname, unread }) {
    const badge =
      unread > 0
        ? make(
            "span",
            { class: "badge", "aria-label": `${plural(unread, "unread message")}` },
            String(unread),
          )
        : undefined;
    const name = make("span", { class: "name" }, `@ ${nickname}`);
    const button = make("button", { type: "button", class: "room thread", title: nickname }, name, badge);
    if (this.#shows(address)) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => this.open({ address, nickname }));
    return make("li", {}, button);
  }
}
