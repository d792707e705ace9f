import { byId, paintAvatar } from "./dom.js";
import { recall, remember } from "./storage.js";

const KEY = "skysocket.nickname";

/**
 * Who is in front of the page. Each tab has a name of its own, so that one person can talk to themselves in two; a new
 * tab offers the last name that was used.
 */
export class Nickname {
  #dialog = byId("nickname-dialog");
  #input = byId("nickname");
  #error = byId("nickname-error");
  #cancel = byId("nickname-cancel");
  #me = byId("me");
  #value = recall(() => sessionStorage, KEY);
  #tell;
  #onChosen;

  /** `tell(nickname)` resolves to the reason why it cannot be, or to undefined; then `onChosen(nickname)` is called. */
  constructor({ tell, onChosen }) {
    this.#tell = tell;
    this.#onChosen = onChosen;
    this.#me.addEventListener("click", () => this.ask());
    this.#cancel.addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("cancel", (event) => {
      if (this.#value === "") event.preventDefault();
    });
    byId("nickname-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit(this.#input.value.replace(/\s+/g, " ").trim());
    });
    this.#paint();
  }

  get value() {
    return this.#value;
  }

  /** Opens the dialog, with the reason if there is one. */
  ask(reason = "") {
    this.#error.textContent = reason;
    this.#cancel.hidden = this.#value === "";
    this.#input.value = this.#value || recall(() => localStorage, KEY);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#input.select();
  }

  /** The name was refused: this page has none any more. */
  forget() {
    this.#value = "";
    this.#paint();
  }

  async #submit(nickname) {
    if (nickname === "") return this.ask("The nickname is empty.");
    const reason = await this.#tell(nickname);
    if (reason !== undefined) {
      this.#error.textContent = reason;
      return;
    }
    this.#value = nickname;
    remember(() => sessionStorage, KEY, nickname);
    remember(() => localStorage, KEY, nickname);
    this.#paint();
    this.#dialog.close();
    this.#onChosen(nickname);
  }

  #paint() {
    this.#me.hidden = this.#value === "";
    this.#me.querySelector(".name").textContent = this.#value;
    paintAvatar(this.#me.querySelector(".avatar"), this.#value);
  }
}
