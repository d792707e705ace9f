import { avatarOf, byId, make } from "./dom.js";

/** More than will come in twice while the word of it is on its way. */
const MAX_LEFT = 500;

/** Who is in the room, by socket id, since two people may have one nickname. */
export class People {
  #onChoose;
  #list = byId("people");
  #counts = [byId("people-count"), byId("room-count")];
  #people = new Map();
  /** People that the server counted but did not list. */
  #unlisted = 0;
  /**
   * Who has left, and when. A list that was read before may come after, and so may the word that they came in: who was cut off
   * and is back at once leaves and comes in two functions that run at the same time.
   */
  #left = new Map();
  #painting = false;

  /** `onChoose(person)` is called when one of the others is chosen. */
  constructor(onChoose) {
    this.#onChoose = onChoose;
  }

  fill(people, count) {
    const present = people.filter(({ id }) => !this.#left.has(id));
    for (const person of present)
      if (!this.#people.has(person.id)) this.#people.set(person.id, { at: 0, ...person });
    this.#unlisted = count - people.length;
    this.#paint();
  }

  clear() {
    this.#people.clear();
    this.#left.clear();
    this.#unlisted = 0;
    this.#paint();
  }

  /** While there is no connection, the list is what it was. */
  set stale(stale) {
    this.#list.classList.toggle("stale", stale);
  }

  /** At this time of the server this person was here. True if they were not before. */
  put(person, at = this.#people.get(person.id)?.at ?? 0) {
    if (at < (this.#left.get(person.id) ?? 0)) return false;
    const known = this.#people.get(person.id);
    this.#people.set(person.id, { ...known, ...person, at });
    this.#left.delete(person.id);
    this.#paint();
    return !known;
  }

  /** True if this is news. */
  remove(id, at) {
    if (at < (this.#people.get(id)?.at ?? 0) || at <= (this.#left.get(id) ?? 0)) return false;
    this.#left.set(id, at);
    if (this.#left.size > MAX_LEFT) this.#left.delete(this.#left.keys().next().value);
    if (!this.#people.delete(id) && this.#unlisted > 0) this.#unlisted -= 1;
    this.#paint();
    return true;
  }

  /** The socket id that is this page. */
  me = undefined;

  #paint() {
    if (this.#painting) return;
    this.#painting = true;
    queueMicrotask(() => {
      this.#painting = false;
      const focused = this.#list.contains(document.activeElement) && document.activeElement.dataset.id;
      const sorted = [...this.#people.values()].sort((a, b) => this.#compare(a, b));
      this.#list.replaceChildren(...sorted.map((person) => this.#rowOf(person)));
      if (this.#unlisted > 0) {
        this.#list.append(make("li", { class: "hint" }, `and ${this.#unlisted} more`));
      }
      // Who is about to choose somebody with the keyboard should not lose the place because somebody else came in.
      if (focused) this.#list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
      const total = this.#people.size + this.#unlisted;
      for (const count of this.#counts) count.textContent = total > 0 ? `${total} here` : "";
    });
  }

  #compare(a, b) {
    if (a.id === this.me || b.id === this.me) return a.id === this.me ? -1 : 1;
    return a.nickname.localeCompare(b.nickname) || a.id.localeCompare(b.id);
  }

  #rowOf(person) {
    const { id, nickname, address } = person;
    const name = make("span", { class: "name", title: nickname }, nickname);
    const hint = (text) => make("span", { class: "hint" }, text);
    if (id === this.me) return make("li", { class: "person" }, avatarOf(nickname), name, hint("you"));
    // The same person in another tab, or on another device: they share one inbox.
    if (address === this.#people.get(this.me)?.address) {
      return make("li", { class: "person" }, avatarOf(nickname), name, hint("you, too"));
    }
    const attributes = {
      type: "button",
      class: "person",
      "data-id": id,
      "aria-label": `Message ${nickname}`,
    };
    const button = make("button", attributes, avatarOf(nickname), name, hint("Message"));
    button.addEventListener("click", () => this.#onChoose(person));
    return make("li", {}, button);
  }
}
