import { avatarOf, byId, make } from "./dom.js";

/** Who is in the room, by socket id, since two people may have one nickname. */
export class People {
  #list = byId("people");
  #counts = [byId("people-count"), byId("room-count")];
  #people = new Map();
  /** People that the server counted but did not list. */
  #unlisted = 0;
  /** Who left while the list was on its way: it may have been read before they did. */
  #leftMeanwhile = new Set();
  #waiting = false;
  #painting = false;

  /** A list has been asked for; what is heard until it comes is newer than it. */
  expect() {
    this.clear();
    this.#waiting = true;
  }

  fill(people, count) {
    this.#waiting = false;
    const present = people.filter(({ id }) => !this.#leftMeanwhile.has(id));
    for (const person of present) if (!this.#people.has(person.id)) this.#people.set(person.id, person);
    this.#unlisted = count - people.length;
    this.#leftMeanwhile.clear();
    this.#paint();
  }

  clear() {
    this.#people.clear();
    this.#leftMeanwhile.clear();
    this.#unlisted = 0;
    this.#waiting = false;
    this.#paint();
  }

  /** True if this person was not here before. */
  put(person) {
    const isNew = !this.#people.has(person.id);
    this.#people.set(person.id, person);
    this.#leftMeanwhile.delete(person.id);
    this.#paint();
    return isNew;
  }

  remove(id) {
    if (this.#waiting) this.#leftMeanwhile.add(id);
    if (!this.#people.delete(id) && this.#unlisted > 0) this.#unlisted -= 1;
    this.#paint();
  }

  /** The socket id that is this page. */
  me = undefined;

  #paint() {
    if (this.#painting) return;
    this.#painting = true;
    queueMicrotask(() => {
      this.#painting = false;
      const sorted = [...this.#people.values()].sort((a, b) => this.#compare(a, b));
      this.#list.replaceChildren(...sorted.map((person) => this.#rowOf(person)));
      if (this.#unlisted > 0) {
        this.#list.append(make("li", { class: "hint" }, `and ${this.#unlisted} more`));
      }
      const total = this.#people.size + this.#unlisted;
      for (const count of this.#counts) count.textContent = total > 0 ? `${total} here` : "";
    });
  }

  #compare(a, b) {
    if (a.id === this.me || b.id === this.me) return a.id === this.me ? -1 : 1;
    return a.nickname.localeCompare(b.nickname) || a.id.localeCompare(b.id);
  }

  #rowOf({ id, nickname }) {
    const you = id === this.me ? make("span", { class: "hint" }, "you") : undefined;
    const name = make("span", { class: "name", title: nickname }, nickname);
    return make("li", { class: "person" }, avatarOf(nickname), name, you);
  }
}
