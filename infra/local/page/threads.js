import { recallList, remember } from "./storage.js";

/** Little enough for the browser's storage of 5 MB: 30 people, 200 messages of 1,000 characters would be too much, were all full. */
const MAX_MESSAGES = 100;
const MAX_THREADS = 30;
const browser = () => localStorage;

/**
 * The direct messages of one person, by the address of whom they are with. They are kept here, since the server forgets a
 * message when it has been acknowledged. All tabs of this person share them.
 */
export class Threads {
  #key;
  #threads = new Map();

  /** `key()` is the person's; it may be empty, until there is a name. */
  constructor(key, onChanged) {
    this.#key = key;
    addEventListener("storage", (event) => {
      if (event.key !== this.#name) return;
      this.load();
      onChanged();
    });
  }

  get #name() {
    return `skysocket.direct.${this.#key()}`;
  }

  /** Latest first. */
  get all() {
    return [...this.#threads.values()].sort((a, b) => latest(b) - latest(a));
  }

  get(address) {
    return this.#threads.get(address);
  }

  /** Is the message here already? An inbox delivers at least once. */
  has({ address }, { id }) {
    // Another tab may have changed it, and its event may still be on the way.
    this.load();
    return this.#threads.get(address)?.messages.some((message) => message.id === id) ?? false;
  }

  add({ address, nickname }, message, { unread }) {
    this.load();
    const thread = this.#threads.get(address) ?? { address, messages: [], unread: 0 };
    thread.nickname = nickname;
    thread.messages = [...thread.messages, message].sort((a, b) => a.at - b.at).slice(-MAX_MESSAGES);
    thread.unread += unread ? 1 : 0;
    this.#threads.set(address, thread);
    this.#save();
  }

  read(address) {
    this.load();
    const thread = this.#threads.get(address);
    if (!thread || thread.unread === 0) return;
    thread.unread = 0;
    this.#save();
  }

  load() {
    const stored = recallList(browser, this.#name);
    // An empty list is also what a browser without storage says.
    if (stored.length > 0) this.#threads = new Map(stored.map((thread) => [thread.address, thread]));
  }

  #save() {
    remember(browser, this.#name, JSON.stringify(this.all.slice(0, MAX_THREADS)));
  }
}

const latest = ({ messages }) => messages.at(-1)?.at ?? 0;
