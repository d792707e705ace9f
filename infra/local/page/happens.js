import { config } from "./config.js";
import { byId, make, plural } from "./dom.js";
import { describeFrame } from "./packets.js";
import { dollars, perMillion } from "./prices.js";
import { Ways } from "./ways.js";

/**
 * The panel "What happens": what the local cloud has done since the page was loaded, and goes on to do. It listens only
 * while it is open, since browsers allow six connections to one host over HTTP/1.1 and every open panel holds one: the seventh
 * tab would not load. What came before it was opened, or while it was closed, is kept by the local cloud.
 */
class Happens {
  #panel = byId("happens");
  #toggle = byId("happens-toggle");
  #state = byId("happens-state");
  #empty = byId("happens-empty");
  #list = byId("ways");
  #totals = byId("totals");
  #ways = new Ways();
  /** By the number of the way. */
  #cards = new Map();
  #source;
  /** The number of the latest event that is known. */
  #after;
  #changed = new Set();

  constructor({ latestEvent }) {
    this.#after = latestEvent;
  }

  open() {
    this.#panel.hidden = false;
    this.#toggle.setAttribute("aria-expanded", "true");
    this.#state.textContent = "connecting…";
    this.#source = new EventSource(`./events?after=${this.#after}`);
    this.#source.addEventListener("open", () => {
      this.#state.textContent = "live";
    });
    this.#source.addEventListener("error", () => {
      this.#state.textContent = "no events right now";
    });
    this.#source.addEventListener("message", (message) => this.#take(message));
    this.#paintTotals();
    byId("happens-close").focus();
  }

  close() {
    if (this.#panel.hidden) return;
    this.#source.close();
    this.#panel.hidden = true;
    this.#toggle.setAttribute("aria-expanded", "false");
    this.#toggle.focus();
  }

  toggle() {
    if (this.#panel.hidden) this.open();
    else this.close();
  }

  #take({ data, lastEventId }) {
    if (lastEventId) this.#after = Number(lastEventId);
    if (this.#changed.size === 0) requestAnimationFrame(() => this.#paint());
    this.#changed.add(this.#ways.add(JSON.parse(data)));
  }

  #paint() {
    const { latest } = this.#ways;
    const cards = new Map(latest.map((way) => [way.number, this.#cards.get(way.number) ?? new Card()]));
    for (const way of latest) {
      const card = cards.get(way.number);
      if (this.#changed.has(way) || !this.#cards.has(way.number)) card.show(way);
    }
    this.#changed.clear();
    for (const [number, card] of this.#cards) if (!cards.has(number)) card.element.remove();
    this.#cards = cards;
    // What is where it belongs is not touched: a card that is moved would lose the focus.
    let next = this.#list.firstElementChild;
    for (const { element } of cards.values()) {
      if (element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(element, next);
    }
    this.#empty.hidden = cards.size > 0;
    this.#paintTotals();
  }

  #paintTotals() {
    const { frames, posts, runs, requests, reads, writes, cost } = this.#ways.totals;
    const entries = [
      ["Frames in", frames],
      ["Posts out", posts],
      ["Runs", runs],
      ["Requests", requests],
      ["Reads / writes", `${round(reads)} / ${round(writes)}`],
      ["Cost so far", dollars(cost)],
    ];
    this.#totals.replaceChildren(
      ...entries.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))),
    );
  }
}

const round = (units) => Math.round(units * 10) / 10;
/** CDK ends logical ids with a hash of eight digits that tells a reader nothing. */
const nameOf = (functionId) => functionId?.replace(/[0-9A-F]{8}$/, "") ?? "API Gateway";
const WORDS = { connect: "A client connects", disconnect: "A client is gone", message: "An empty frame" };
/** Runs that no frame started, by what did. */
const TRIGGERS = {
  async: "Called by another run",
  invoke: "Called by another run",
  "sqs.amazonaws.com": "A batch of a queue",
};

function titleOf({ frame, others, run, steps }) {
  const more = others > 0 ? ` and ${others} more` : "";
  if (frame?.operation === "message" && frame.body) return `${describeFrame(frame.body)}${more}`;
  if (frame?.operation === "connect" && frame.status >= 400) return "A client is refused";
  if (frame) return WORDS[frame.operation];
  if (run) return TRIGGERS[run.trigger] ?? run.trigger;
  const [first] = steps;
  if (first?.kind === "gateway" && first.operation === "close") return "A connection is closed";
  if (first?.operation === "integration-error") return "A queue refuses a frame";
  return "A function runs";
}

function stepOf(event) {
  if (event.kind === "dynamodb") {
    const units = [];
    if (event.readUnits > 0) units.push(plural(round(event.readUnits), "read"));
    if (event.writeUnits > 0) units.push(plural(round(event.writeUnits), "write"));
    return stepRow("table", event.operation, units.join(", ") || "0 units");
  }
  if (event.kind === "sqs") {
    return stepRow("queue", event.operation, plural(event.messageIds.length, "message"));
  }
  const text = event.body || event.operation;
  const outcome = event.status === 200 ? `${event.bytes} B` : String(event.status);
  return stepRow(event.operation === "post" ? "post" : "gateway", text, outcome);
}

const stepRow = (kind, text, detail) =>
  make(
    "li",
    { class: `step ${kind}` },
    make("span", { class: "kind" }, LABELS[kind]),
    make("code", { title: text }, text),
    make("span", { class: "detail" }, detail),
  );
const LABELS = {
  frame: "in",
  function: "run",
  table: "table",
  queue: "queue",
  post: "post",
  gateway: "gateway",
};

/** One way: a line that tells what it was, and can be opened to its requests. */
class Card {
  #summary = make("summary", {});
  #steps = make("ol", { class: "plain" });
  element = make("li", { class: "way" }, make("details", {}, this.#summary, this.#steps));

  show(way) {
    const title = titleOf(way);
    this.#summary.replaceChildren(
      make("b", { title }, title),
      make("span", { class: "cost" }, perMillion(way.cost)),
      make("span", { class: "brief" }, briefOf(way)),
    );
    this.#steps.replaceChildren(...stepsOf(way));
  }
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** "12:34:56 · RealtimeSocket · 34 ms · 3 requests · 1 post" */
function briefOf({ at, functionId, run, steps }) {
  const requests = steps.filter(({ kind }) => kind === "dynamodb").length;
  const posts = steps.filter(({ operation }) => operation === "post").length;
  return [
    clock.format(new Date(at)),
    functionId && nameOf(functionId),
    run && tookOf(run),
    requests > 0 && plural(requests, "request"),
    posts > 0 && plural(posts, "post"),
  ]
    .filter(Boolean)
    .join(" · ");
}

function tookOf(run) {
  const bad = run.outcome === "ok" ? "" : ` ${run.outcome}`;
  return `${Math.round(run.durationMs)} ms${run.coldStart ? ", cold" : ""}${bad}`;
}

function stepsOf({ frame, functionId, run, steps }) {
  const rows = [];
  if (frame?.operation === "message") rows.push(stepRow("frame", frame.body, `${frame.bytes} B`));
  else if (frame) {
    // Of an authorizer that refuses: why.
    const why = frame.body ? `: ${frame.body}` : "";
    rows.push(stepRow("frame", `$${frame.operation}${why}`, String(frame.status)));
  }
  if (functionId) rows.push(stepRow("function", nameOf(functionId), run ? tookOf(run) : "…"));
  rows.push(...steps.map(stepOf));
  return rows;
}

export async function listenToHappens() {
  const happens = new Happens(await config);
  byId("happens-toggle").addEventListener("click", () => happens.toggle());
  byId("happens-close").addEventListener("click", () => happens.close());
  // On a phone the panel lies over the views: who chooses one wants to see it.
  document.querySelector(".tabs").addEventListener("click", () => happens.close());
  byId("happens").addEventListener("keydown", (event) => {
    if (event.key === "Escape") happens.close();
  });
}
