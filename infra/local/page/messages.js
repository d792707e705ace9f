import { avatarOf, byId, make, timeOf } from "./dom.js";

/** More than anybody scrolls back through, and little enough to stay fast on a phone. */
const MAX_ROWS = 400;
/** Milliseconds: messages of one author closer than this stand together under one name. */
const TOGETHER = 5 * 60_000;
/** Pixels from the end that still count as reading the newest. */
const NEAR_END = 60;

/**
 * The log of one room or one person: messages in the order of the server's clock, whatever order they arrived in, and each once,
 * however often it comes.
 */
export class Messages {
  #log;
  #list;
  #empty;
  #below;
  #ids = new Set();
  #atEnd = true;
  #scrolling = false;

  constructor(section = byId("room")) {
    this.#log = section.querySelector(".log");
    this.#list = section.querySelector("ol");
    this.#empty = section.querySelector(".empty");
    this.#below = section.querySelector(".below");
    this.#log.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#log;
      this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_END;
      if (this.#atEnd) this.#below.hidden = true;
    });
    this.#below.addEventListener("click", () => this.#toEnd());
    // The log shrinks when a phone's keyboard comes up: who was reading the end still wants to.
    new ResizeObserver(() => this.#atEnd && this.#toEnd()).observe(this.#log);
  }

  clear() {
    this.#list.replaceChildren();
    this.#ids.clear();
    this.#empty.hidden = false;
    this.#below.hidden = true;
    this.#atEnd = true;
  }

  has({ id }) {
    return this.#ids.has(id);
  }

  /** A message that the server has accepted. `late` says why it was not here before. */
  add(message, { own, late }) {
    if (this.has(message)) return;
    this.#ids.add(message.id);
    const row = this.#rowOf(message, own);
    if (late) row.querySelector(".bubble").append(make("p", { class: "late" }, late));
    this.#place(row, message.at);
    this.#follow();
  }

  /** A message on its way. The returned functions say how it ended. */
  addPending(message, onRetry) {
    const row = this.#rowOf(message, true);
    const status = make("p", { class: "status" }, "Sending…");
    row.querySelector(".bubble").append(status);
    row.classList.add("pending");
    this.#place(row, Math.max(message.at, this.#lastAt()));
    this.#toEnd();
    return {
      sent: (accepted) => {
        row.remove();
        this.add(accepted, { own: true });
      },
      failed: (reason) => {
        row.classList.replace("pending", "failed");
        const again = make("button", { type: "button", class: "quiet" }, "Send again");
        again.addEventListener("click", () => {
          row.remove();
          onRetry();
        });
        status.replaceChildren(`Not sent: ${reason} `, again);
      },
    };
  }

  /** A line about the room: who came and went. The returned function changes it. */
  note(text) {
    const row = make("li", { class: "note" }, text);
    this.#place(row, this.#lastAt());
    this.#follow();
    return (other) => {
      row.textContent = other;
    };
  }

  #rowOf({ from, text, at }, own) {
    const meta = make("p", { class: "meta" }, make("b", {}, own ? "You" : from.nickname), timeOf(at));
    const bubble = make("div", { class: "bubble" }, meta, make("p", { class: "text" }, text));
    const row = make("li", { class: own ? "message own" : "message" }, avatarOf(from.nickname), bubble);
    row.dataset.from = from.id;
    return row;
  }

  #lastAt() {
    return Number(this.#list.lastElementChild?.dataset.at ?? 0);
  }

  #place(row, at) {
    row.dataset.at = String(at);
    // Events of two people run at the same time, so their messages may arrive swapped. What is still being sent stays below.
    let before = this.#list.lastElementChild;
    while (before && (before.classList.contains("pending") || Number(before.dataset.at) > at)) {
      before = before.previousElementSibling;
    }
    if (before) before.after(row);
    else this.#list.prepend(row);
    this.#join(row);
    if (row.nextElementSibling) this.#join(row.nextElementSibling);
    this.#empty.hidden = true;
    while (this.#list.childElementCount > MAX_ROWS) this.#list.firstElementChild.remove();
  }

  /** Hides the name on a message that continues the one above it. */
  #join(row) {
    const above = row.previousElementSibling;
    const same = above?.dataset.from !== undefined && above.dataset.from === row.dataset.from;
    row.classList.toggle("follows", same && Number(row.dataset.at) - Number(above.dataset.at) < TOGETHER);
  }

  #follow() {
    if (this.#atEnd) this.#toEnd();
    else this.#below.hidden = false;
  }

  /** Once a frame: a burst of messages must not lay the page out once each. */
  #toEnd() {
    this.#atEnd = true;
    this.#below.hidden = true;
    if (this.#scrolling) return;
    this.#scrolling = true;
    requestAnimationFrame(() => {
      this.#scrolling = false;
      this.#log.scrollTop = this.#log.scrollHeight;
    });
  }
}
