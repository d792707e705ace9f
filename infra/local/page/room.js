import { Composer } from "./composer.js";
import { byId } from "./dom.js";
import { Messages } from "./messages.js";
import { People } from "./people.js";
import { ask } from "./request.js";
import { OwnTyping, TypingLine } from "./typing.js";

/** The room that the page is in: what is said, who is here, who types. One room at a time. */
export class Room {
  #chat;
  #nickname;
  #arrivals;
  #onMoved;
  #onNews;
  #name;
  /** The room to be in, while a move is under way: only the last wish counts. */
  #wanted;
  #moving = false;
  #messages = new Messages();
  #people;
  #typing = new TypingLine();
  #ownTyping = new OwnTyping((typing) => {
    if (this.#chat.connected && this.#name !== undefined) this.#chat.emit("typing", this.#name, typing);
  });
  #composer = new Composer(byId("composer"), {
    onSay: (text) => {
      this.#ownTyping.sent();
      void this.#say(text);
    },
    onInput: (text) => this.#ownTyping.typed(text),
  });

  constructor(chat, { nickname, arrivals, onMoved, onNews, onPerson }) {
    this.#chat = chat;
    this.#nickname = nickname;
    this.#arrivals = arrivals;
    this.#people = new People(onPerson);
    this.#onMoved = onMoved;
    this.#onNews = onNews;
    this.#listen();
    byId("leave").addEventListener("click", () => void this.leave());
    this.#paint();
  }

  get name() {
    return this.#name;
  }

  /** Goes to a room. Wishes made while another move is under way replace each other. */
  async go(room) {
    this.#wanted = room;
    if (this.#moving || !this.#chat.connected) return;
    this.#moving = true;
    while (this.#wanted !== undefined && this.#chat.connected) {
      const next = this.#wanted;
      this.#wanted = undefined;
      await this.#enter(next);
    }
    this.#moving = false;
  }

  async leave() {
    const answer = await ask(this.#chat, "leave");
    if (!answer.ok) return this.#messages.note(answer.reason);
    this.#settle(undefined);
  }

  /**
   * A new session is somebody new to the server: go in again. One that was recovered is in the room as before, and what it
   * missed is on its way, also who came and left.
   */
  connected(room) {
    this.#people.me = this.#chat.id;
    this.#people.stale = false;
    this.#paint();
    const wanted = this.#wanted ?? (this.#chat.recovered ? undefined : room);
    return wanted === undefined ? undefined : this.go(wanted);
  }

  disconnected() {
    this.#people.stale = true;
    this.#typing.clear();
    if (this.#name !== undefined) this.#messages.note("The connection was lost");
    this.#paint();
  }

  note(text) {
    return this.#messages.note(text);
  }

  renamed(nickname) {
    if (this.#chat.id && this.#name !== undefined) this.#people.put({ id: this.#chat.id, nickname });
  }

  async #enter(room) {
    const again = room === this.#name;
    this.#ownTyping.sent();
    this.#people.clear();
    this.#typing.clear();
    const before = this.#name;
    // What the new room says from now on is heard: its first messages may overtake the answer.
    this.#name = room;
    if (!again) this.#messages.clear();
    const answer = await ask(this.#chat, "join", room);
    if (!answer.ok) {
      this.#name = before;
      this.#messages.note(answer.reason);
      // Cut on the way: the next connection goes there. Refused: back to the room of before.
      if (!this.#chat.connected) this.#wanted ??= room;
      else if (!again) this.#wanted ??= before;
      return this.#paint();
    }
    this.#people.fill(answer.people, answer.count);
    this.#settle(answer.room);
  }

  #settle(room) {
    this.#name = room;
    if (room === undefined) {
      this.#messages.clear();
      this.#people.clear();
      this.#typing.clear();
    }
    this.#paint();
    this.#onMoved(room);
  }

  #listen() {
    const here = (event) => event.room === this.#name;
    this.#chat.on("message", (message) => {
      // Recovery sends some messages twice, rather than one too few.
      if (!here(message) || this.#messages.has(message)) return;
      this.#typing.remove(message.from.id);
      const late = this.#arrivals.take("recovery", message.at) ? "while you were away" : undefined;
      this.#messages.add(message, { own: false, late });
      this.#onNews();
    });
    this.#chat.on("typing", (event) => here(event) && this.#typing.put(event.from, event.typing));
    this.#chat.on("joined", (event) => {
      if (here(event) && this.#people.put(event.person, event.at)) {
        this.#messages.note(`${event.person.nickname} ${event.back ? "is back" : "came in"}`);
      }
    });
    this.#chat.on("left", (event) => {
      if (!here(event) || !this.#people.remove(event.person.id, event.at)) return;
      this.#typing.remove(event.person.id);
      this.#messages.note(`${event.person.nickname} left`);
    });
    this.#chat.on("renamed", (event) => {
      if (!here(event)) return;
      this.#people.put(event.person);
      this.#messages.note(`${event.before} is now ${event.person.nickname}`);
    });
  }

  async #say(text) {
    const room = this.#name;
    const from = { id: this.#chat.id, nickname: this.#nickname() };
    const pending = this.#messages.addPending({ from, text, at: Date.now() }, () => void this.#say(text));
    const answer = await ask(this.#chat, "message", room, text);
    if (room !== this.#name) return;
    if (answer.ok) pending.sent(answer.message);
    else pending.failed(answer.reason);
  }

  #paint() {
    const inRoom = this.#name !== undefined;
    const ready = inRoom && this.#chat.connected;
    byId("room-name").textContent = inRoom ? `# ${this.#name}` : "No room";
    byId("leave").hidden = !ready;
    const waiting = this.#chat.connected ? "Choose a room first" : "Waiting for the connection…";
    this.#composer.enable(ready, ready ? `Message # ${this.#name}` : waiting);
    byId("empty-title").textContent = inRoom ? "Nothing said here yet" : "You are in no room";
    byId("empty-hint").hidden = !inRoom;
  }
}
