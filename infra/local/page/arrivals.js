import { plural } from "./dom.js";

/** "5 s", "3 min", "2 h" */
function lengthOf(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}

/** What arrived because it had waited, and how: by recovery what the room was told, from the inbox direct messages. */
export class Arrivals {
  #report;
  #lostAt;
  #away;
  #recovered = false;
  #counts = { recovery: 0, inbox: 0 };
  /** Connected, and the server has not said yet since when: what comes now has waited. */
  #catchingUp = true;
  /** When this connection began, by the server's clock: what is older has waited too. More of the inbox may come later. */
  #since = 0;
  /** Changes what was reported. */
  #change;

  /** `report(text)` is called when all is there that comes at once, and what it returns when more of it has come. */
  constructor(report) {
    this.#report = report;
  }

  lost() {
    this.#lostAt ??= Date.now();
    this.#change = undefined;
  }

  back(recovered) {
    this.#recovered = recovered;
    this.#catchingUp = true;
    this.#counts = { recovery: 0, inbox: 0 };
    this.#away = this.#lostAt === undefined ? undefined : Date.now() - this.#lostAt;
    this.#lostAt = undefined;
  }

  /** The answer to "since when am I connected": it comes behind what had waited in the room. */
  settled(since) {
    this.#since = since;
    this.#catchingUp = false;
    if (this.#away !== undefined) this.#change = this.#report(this.#text());
  }

  /** A message came by `way`. True if it has waited. */
  take(way, at) {
    const waited = (this.#catchingUp || at < this.#since) && (way === "inbox" || this.#recovered);
    if (!waited) return false;
    this.#counts[way] += 1;
    this.#change?.(this.#text());
    return true;
  }

  #text() {
    const { recovery, inbox } = this.#counts;
    const parts = [`Back after ${lengthOf(this.#away)}.`];
    if (!this.#recovered) parts.push("The session was not restored: what the room said meanwhile is lost.");
    if (recovery + inbox > 0) {
      const ways = [];
      if (recovery > 0) ways.push(`${recovery} by recovery`);
      if (inbox > 0) ways.push(`${inbox} from your inbox`);
      parts.push(`${plural(recovery + inbox, "message")} arrived afterwards: ${ways.join(", ")}.`);
    } else if (this.#recovered) parts.push("Nothing was said meanwhile.");
    return parts.join(" ");
  }
}
