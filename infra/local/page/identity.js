import { recall, recallList, remember } from "./storage.js";

const KEY = "skysocket.key";
const KEYS = "skysocket.keys";
/** Names that are remembered; the oldest goes first. */
const MAX_NAMES = 50;
const tab = () => sessionStorage;
const browser = () => localStorage;

/** 128 random bits. `randomUUID` would not be there for a page that comes over plain HTTP from another machine. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The key that makes this page somebody: whoever has it gets the direct messages. It belongs to a nickname in this browser, so that
 * two tabs can be two people, and who takes a name again is who they were.
 */
export class Identity {
  #key = recall(tab, KEY);

  /** Empty until there is a name. */
  get key() {
    return this.#key;
  }

  /** The name has been chosen, or changed: who somebody is does not change with it. */
  named(nickname) {
    const keys = new Map(recallList(browser, KEYS));
    this.#key ||= keys.get(nickname) || newKey();
    remember(tab, KEY, this.#key);
    if (keys.has(nickname)) return;
    for (const [name, key] of keys) if (key === this.#key) keys.delete(name);
    keys.set(nickname, this.#key);
    remember(browser, KEYS, JSON.stringify([...keys].slice(-MAX_NAMES)));
  }
}
