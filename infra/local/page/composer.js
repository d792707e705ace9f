/** The line that one writes in. `onSay(text)` gets what is sent, `onInput(text)` what is being written. */
export class Composer {
  #text;
  #send;

  constructor(form, { onSay, onInput }) {
    this.#text = form.querySelector("textarea");
    this.#send = form.querySelector("button");
    this.#text.addEventListener("input", () => onInput?.(this.#text.value));
    this.#text.addEventListener("keydown", (event) => {
      // While an input method composes, Enter picks a word.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#text.value.trim();
      this.#text.focus();
      if (text === "" || this.#send.disabled) return;
      this.#text.value = "";
      onSay(text);
    });
  }

  enable(ready, placeholder) {
    this.#text.disabled = !ready;
    this.#send.disabled = !ready;
    this.#text.placeholder = placeholder;
  }

  focus() {
    this.#text.focus();
  }
}
