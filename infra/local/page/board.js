import { avatarOf, byId, make, timeOf } from "./dom.js";
import { ask } from "./request.js";

/** The notice board: the namespace `/board`, a second socket over the same connection. */
export class Board {
  #socket;
  #list = byId("notices");
  #input = byId("notice-input");
  #button = byId("notice-form").querySelector("button");
  #error = byId("notice-error");
  #notices = new Map();
  /** Who took their notice down while the list was on its way. */
  #gone = new Set();
  /** Hung up again after each reconnect: the server took it down when we left. */
  #mine;
  #onNews;

  constructor(socket, onNews) {
    this.#socket = socket;
    this.#onNews = onNews;
    socket.on("connect", () => void this.#fetch());
    socket.on("disconnect", () => this.#enable(false));
    socket.on("notice", (notice) => {
      if (!this.#notices.has(notice.from.id)) this.#onNews();
      this.#gone.delete(notice.from.id);
      this.#put(notice);
    });
    socket.on("withdrawn", (id) => {
      this.#gone.add(id);
      this.#notices.delete(id);
      this.#paint();
    });
    byId("notice-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#post(this.#input.value.trim());
    });
  }

  /** Own notices carry the name too. */
  renamed(nickname) {
    const own = this.#notices.get(this.#socket.id);
    if (own) this.#put({ ...own, from: { ...own.from, nickname } });
  }

  async #fetch() {
    this.#gone.clear();
    this.#notices.clear();
    const answer = await ask(this.#socket, "notices");
    this.#enable(this.#socket.connected);
    if (!answer.ok) return this.#say(answer.reason);
    for (const notice of answer.notices) {
      const { id } = notice.from;
      if (!this.#gone.has(id) && !this.#notices.has(id)) this.#notices.set(id, notice);
    }
    this.#paint();
    if (this.#mine !== undefined) await this.#post(this.#mine);
  }

  async #post(text) {
    if (text === "") return this.#input.focus();
    const answer = await ask(this.#socket, "post", text);
    if (!answer.ok) return this.#say(answer.reason);
    this.#say("");
    this.#mine = text;
    this.#input.value = "";
    this.#put(answer.notice);
  }

  async #withdraw() {
    const { id } = this.#socket;
    const answer = await ask(this.#socket, "withdraw");
    if (!answer.ok) return this.#say(answer.reason);
    this.#mine = undefined;
    this.#notices.delete(id);
    this.#paint();
  }

  #put(notice) {
    this.#notices.set(notice.from.id, notice);
    this.#paint();
  }

  #enable(connected) {
    this.#input.disabled = !connected;
    this.#button.disabled = !connected;
  }

  #say(text) {
    this.#error.textContent = text;
  }

  #paint() {
    const newest = [...this.#notices.values()].sort((a, b) => b.at - a.at);
    this.#list.replaceChildren(...newest.map((notice) => this.#rowOf(notice)));
    if (newest.length === 0) this.#list.append(make("li", { class: "hint" }, "Nothing hangs here yet."));
  }

  #rowOf({ from, text, at }) {
    const own = from.id === this.#socket.id;
    const meta = make("p", { class: "meta" }, make("b", {}, own ? "You" : from.nickname), timeOf(at));
    const label = "Take your notice down";
    const down = own
      ? make("button", { type: "button", class: "quiet", title: label, "aria-label": label }, "✕")
      : undefined;
    down?.addEventListener("click", () => void this.#withdraw());
    const body = make("div", {}, meta, make("p", { class: "text" }, text));
    return make("li", { class: "notice" }, avatarOf(from.nickname), body, down);
  }
}
