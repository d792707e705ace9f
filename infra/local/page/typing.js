import { byId } from "./dom.js";

/** Milliseconds between two "is typing": each one is a paid message to everybody in the room. */
const EVERY = 3000;
/** Milliseconds after which somebody is not typing any more, said or not: the word that they stopped may get lost. */
const FORGET = 5000;

/** Tells the room that somebody types here. `send(true | false)` does the telling. */
export class OwnTyping {
  #send;
  #since = 0;
  #timer;

  constructor(send) {
    this.#send = send;
  }

  typed(text) {
    clearTimeout(this.#timer);
    if (text.trim() === "") return this.stop();
    this.#timer = setTimeout(() => this.stop(), FORGET - 1000);
    if (Date.now() - this.#since < EVERY) return;
    this.#since = Date.now();
    this.#send(true);
  }

  stop() {
    this.#quiet();
    if (this.#since === 0) return;
    this.#since = 0;
    this.#send(false);
  }

  /** The message itself says that the typing is over. */
  sent() {
    this.#quiet();
    this.#since = 0;
  }

  #quiet() {
    clearTimeout(this.#timer);
  }
}

/** The line that says who types. */
export class TypingLine {
  #line = byId("typing");
  #people = new Map();

  put({ id, nickname }, typing) {
    clearTimeout(this.#people.get(id)?.timer);
    this.#people.delete(id);
    if (typing) {
      this.#people.set(id, { nickname, timer: setTimeout(() => this.remove(id), FORGET) });
    }
    this.#paint();
  }

  remove(id) {
    clearTimeout(this.#people.get(id)?.timer);
    if (this.#people.delete(id)) this.#paint();
  }

  clear() {
    for (const { timer } of this.#people.values()) clearTimeout(timer);
    this.#people.clear();
    this.#paint();
  }

  #paint() {
    const names = [...this.#people.values()].map(({ nickname }) => nickname);
    if (names.length === 0) this.#line.textContent = "";
    else if (names.length === 1) this.#line.textContent = `${names[0]} is typing…`;
    else if (names.length === 2) this.#line.textContent = `${names[0]} and ${names[1]} are typing…`;
    else this.#line.textContent = `${names.length} people are typing…`;
  }
}
