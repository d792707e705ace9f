import { byId, make } from "./dom.js";
import { recallList, remember } from "./storage.js";

const ALWAYS = ["lobby", "tea kitchen", "lost and found"];
/** Rooms of one's own that are remembered; the oldest goes first. */
const MAX_OWN = 12;
const KEY = "skysocket.rooms";

const browser = () => localStorage;
const readOwn = () =>
  recallList(browser, KEY)
    .filter((room) => typeof room === "string")
    .slice(0, MAX_OWN);

/** The list of rooms. The server keeps none: a room is there as long as somebody is in it. */
export class Rooms {
  #list = byId("rooms");
  #input = byId("room-input");
  #own = readOwn();
  #current;
  #onChoose;

  constructor(onChoose) {
    this.#onChoose = onChoose;
    byId("room-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const room = this.#input.value.trim().toLowerCase();
      if (room === "") return this.#input.focus();
      this.#input.value = "";
      onChoose(room);
    });
    this.#paint();
  }

  /** Marks the room as the one that the page is in (undefined: in none) and remembers it. */
  show(room) {
    this.#current = room;
    if (room !== undefined && !ALWAYS.includes(room)) {
      this.#own = [room, ...this.#own.filter((other) => other !== room)].slice(0, MAX_OWN);
      remember(browser, KEY, JSON.stringify(this.#own));
    }
    this.#paint();
  }

  #paint() {
    const rows = [...ALWAYS, ...this.#own.toSorted()].map((room) => {
      const button = make("button", { type: "button", class: "room", title: room }, `# ${room}`);
      if (room === this.#current) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => this.#onChoose(room));
      return make("li", {}, button);
    });
    this.#list.replaceChildren(...rows);
  }
}
