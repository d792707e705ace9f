import { byId, make, plural } from "./dom.js";
import { describeFrame } from "./packets.js";
import { dollars, perMillion } from "./prices.js";
import { Ways } from "./ways.js";

/**
 * The panel "What happens": what the local cloud does, as it does it. It listens only while it is open, since browsers
 * allow six connections to one host over HTTP/1.1 and every open panel holds one: the seventh tab would not load.
 */
class Happens {
  #panel = byId("happens");
  #toggle = byId("happens-toggle");
  #state = byId("happens-state");
  #list = byId("ways");
  #totals = byId("totals");
  #ways = new Ways();
  #cards = new Map();
  #source;
  #changed = new Set();

  open() {
    this.#panel.hidden = false;
    this.#toggle.setAttribute("aria-expanded", "true");
    this.#state.textContent = "connecting…";
    this.#source = new EventSource("./events");
    this.#source.addEventListener("open", () => {
      this.#state.textContent = "live";
    });
    this.#source.addEventListener("error", () => {
      this.#state.textContent = "no events right now";
    });
    this.#source.addEventListener("message", ({ data }) => this.#take(data));
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

  #take(data) {
    const event = JSON.parse(data);
    if (this.#changed.size === 0) requestAnimationFrame(() => this.#paint());
    this.#changed.add(this.#ways.add(event));
  }

  #paint() {
    const cards = new Map();
    for (const way of this.#ways.latest) {
      const known = this.#cards.get(way.number);
      const card = known && !this.#changed.has(way) ? known : cardOf(way);
      cards.set(way.number, card);
    }
    this.#changed.clear();
    this.#cards = cards;
    this.#list.replaceChildren(...cards.values());
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
const TRIGGERS = { async: "Called by another run", invoke: "Called by another run" };

function titleOf({ frame, run, steps }) {
  if (frame) return frame.body ? describeFrame(frame.body) : WORDS[frame.operation];
  if (run) return TRIGGERS[run.trigger] ?? run.trigger;
  const [first] = steps;
  if (first?.kind === "gateway" && first.operation === "close") return "A connection is closed";
  return "A function runs";
}

function stepOf(event) {
  if (event.kind === "dynamodb") {
    const units = [];
    if (event.readUnits > 0) units.push(plural(round(event.readUnits), "read"));
    if (event.writeUnits > 0) units.push(plural(round(event.writeUnits), "write"));
    return stepRow("table", event.operation, units.join(", ") || "0 units");
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
const LABELS = { frame: "in", function: "run", table: "table", post: "post", gateway: "gateway" };

function cardOf(way) {
  const rows = [];
  if (way.frame?.operation === "message") rows.push(stepRow("frame", way.frame.body, `${way.frame.bytes} B`));
  else if (way.frame) {
    rows.push(stepRow("frame", `$${way.frame.operation}`, String(way.frame.status)));
  }
  if (way.functionId) {
    const { run } = way;
    const took = run ? `${Math.round(run.durationMs)} ms${run.coldStart ? ", cold" : ""}` : "…";
    const bad = run && run.outcome !== "ok" ? ` ${run.outcome}` : "";
    rows.push(stepRow("function", nameOf(way.functionId), took + bad));
  }
  rows.push(...way.steps.map(stepOf));
  const head = make(
    "p",
    { class: "head" },
    make("b", { title: titleOf(way) }, titleOf(way)),
    make("span", { class: "cost" }, perMillion(way.cost)),
  );
  return make("li", { class: "way" }, head, make("ol", { class: "plain" }, ...rows));
}

export function listenToHappens() {
  const happens = new Happens();
  byId("happens-toggle").addEventListener("click", () => happens.toggle());
  byId("happens-close").addEventListener("click", () => happens.close());
  // On a phone the panel lies over the views: who chooses one wants to see it.
  document.querySelector(".tabs").addEventListener("click", () => happens.close());
  byId("happens").addEventListener("keydown", (event) => {
    if (event.key === "Escape") happens.close();
  });
}
