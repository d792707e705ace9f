import { priceOf } from "./prices.js";

/** Ways that are kept; the totals go on counting. */
const MAX_WAYS = 80;
/** Messages whose way is known. */
const MAX_MESSAGES = 2000;
/** Milliseconds between a frame and the end of the run that it started: no run takes longer than API Gateway waits. */
const SOON = 30_000;

/** What a client does or suffers, as opposed to what a function asks of API Gateway. */
const INBOUND = new Set(["connect", "message", "disconnect"]);

/** Whether a run that was started this way may be this frame's. Runs of messages carry the key of their route. */
function startedBy(trigger, { operation }) {
  if (trigger === "$connect" || trigger === "$disconnect") return trigger === `$${operation}`;
  return (
    operation === "message" && (trigger === "$default" || !/^(async|invoke)$|\.amazonaws\.com$/.test(trigger))
  );
}

/** By the id of the frame's request where both tell it, else by how the run was started. */
function fits(run, frame) {
  return run.cause && frame.cause ? run.cause === frame.cause : startedBy(run.trigger, frame);
}

/**
 * Sorts the events of the local cloud into ways: one run of a function, with the frame that started it and all that it
 * did. What a run did names the run. Frames do not: they are matched with runs of their function as those end, messages by the
 * id of their request, the others the oldest first. A frame that goes through a queue becomes a message of it: a run of a
 * batch names its messages, and gets the frames of all of them.
 */
export class Ways {
  #ways = [];
  #byRequest = new Map();
  #byMessage = new Map();
  #next = 1;
  totals = { frames: 0, posts: 0, runs: 0, reads: 0, writes: 0, requests: 0, cost: 0 };

  /** Takes one event. Returns the way that it belongs to; a poll of a queue that found nothing belongs to none. */
  add(event) {
    this.#count(event);
    const way = event.kind === "sqs" ? this.#wayOfMessages(event) : this.#wayOf(event);
    if (!way) return undefined;
    way.cost += priceOf(event);
    if (event.kind === "lambda") {
      way.run = event;
      if (event.messageIds) this.#claimMessages(way, event.messageIds);
      else this.#claimFrame(way);
    } else if (event.kind === "gateway" && INBOUND.has(event.operation)) way.frame = event;
    else way.steps.push(event);
    return way;
  }

  /** Newest first. */
  get latest() {
    return this.#ways.toReversed();
  }

  #wayOf(event) {
    const { requestId, functionId } = event;
    if (requestId) return this.#byRequest.get(requestId) ?? this.#open(event);
    if (event.kind !== "gateway" || !functionId) return this.#open(event);
    const late = INBOUND.has(event.operation)
      ? (way) => way.run && !way.frame && event.at - way.run.at < SOON && fits(way.run, event)
      : (way) => way.requestId !== undefined;
    const found = this.#ways.findLast((way) => way.functionId === functionId && late(way));
    return found ?? this.#open(event);
  }

  /** Who sends is a frame, by the id of its request, or a run; polls and deletions of a mapping name only messages. */
  #wayOfMessages(event) {
    const { requestId, messageIds } = event;
    const sender = requestId && this.#ways.findLast(({ frame }) => frame?.cause === requestId);
    const known = messageIds.map((id) => this.#byMessage.get(id)).find((way) => way);
    const way = sender || (requestId ? this.#wayOf(event) : known);
    if (way && event.operation.startsWith("Send")) for (const id of messageIds) this.#byMessage.set(id, way);
    while (this.#byMessage.size > MAX_MESSAGES) this.#byMessage.delete(this.#byMessage.keys().next().value);
    return way;
  }

  /** A run of a batch has ended: the frames that its messages were become part of its way. */
  #claimMessages(way, messageIds) {
    for (const id of messageIds) {
      const waiting = this.#byMessage.get(id);
      this.#byMessage.set(id, way);
      // One that was delivered before stays with the run of then.
      if (!waiting || waiting === way || waiting.run || waiting.requestId) continue;
      const index = this.#ways.indexOf(waiting);
      if (index >= 0) this.#ways.splice(index, 1);
      if (way.frame) way.others += 1;
      else way.frame = waiting.frame;
      way.cost += waiting.cost;
      way.steps.unshift(...waiting.steps);
    }
  }

  /** A run has ended: the frame that waits for it becomes part of its way. */
  #claimFrame(way) {
    if (way.frame) return;
    const { functionId, run } = way;
    const index = this.#ways.findIndex(
      ({ requestId, frame }) =>
        requestId === undefined &&
        frame?.functionId === functionId &&
        run.at - frame.at < SOON &&
        fits(run, frame),
    );
    const [waiting] = index < 0 ? [] : this.#ways.splice(index, 1);
    if (!waiting) return;
    way.frame = waiting.frame;
    way.cost += waiting.cost;
  }

  #open(event) {
    const way = {
      number: this.#next++,
      functionId: event.functionId,
      requestId: event.requestId,
      at: event.at,
      frame: undefined,
      /** How many more frames the run handled. */
      others: 0,
      run: undefined,
      steps: [],
      cost: 0,
    };
    this.#ways.push(way);
    if (way.requestId) this.#byRequest.set(way.requestId, way);
    while (this.#ways.length > MAX_WAYS) this.#byRequest.delete(this.#ways.shift().requestId);
    return way;
  }

  #count(event) {
    const { totals } = this;
    totals.cost += priceOf(event);
    if (event.kind === "lambda") totals.runs += 1;
    else if (event.kind === "dynamodb") {
      totals.requests += 1;
      totals.reads += event.readUnits;
      totals.writes += event.writeUnits;
    } else if (event.kind === "gateway") {
      if (event.operation === "message") totals.frames += 1;
      if (event.operation === "post" || event.operation === "error-frame") totals.posts += 1;
    }
  }
}
