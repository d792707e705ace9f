import type { ServerResponse } from "node:http";
import type { Meter } from "./meter.ts";
import type { CloudEvent } from "./model.ts";

/** A reader that is this far behind is cut off; EventSource comes back by itself, and goes on where it was. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024;
/** Characters of what a new reader is told of before; the newest. */
const MAX_PAST_CHARS = 2 * 1024 * 1024;
/** Events of that. */
const MAX_PAST_EVENTS = 5_000;

/**
 * What happens in the local cloud, as server-sent events: one CloudEvent as JSON in each, with its number as id. A reader
 * says after which number it begins, and gets what has happened since.
 */
export class EventStream {
  readonly #meter: Pick<Meter, "mark" | "events">;
  readonly #readers = new Set<ServerResponse>();

  /** @param meter has recorded an event before it is sent here, and keeps those of before */
  constructor(meter: Pick<Meter, "mark" | "events">) {
    this.#meter = meter;
  }

  /** The number of the latest event so far; 0 before the first. */
  get latest(): number {
    return this.#meter.mark().index;
  }

  /** The response gets every event after this number, as far as they are kept, and all that come until its reader leaves. */
  add(response: ServerResponse, after = this.latest): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    // Headers alone would wait for the first event, and the reader would not know that it is connected.
    response.write(`: connected\n\n${this.#past(after)}`);
    this.#readers.add(response);
    response.on("close", () => this.#readers.delete(response));
  }

  send(event: CloudEvent): void {
    if (this.#readers.size === 0) return;
    const text = textOf(event, this.latest);
    for (const reader of this.#readers) {
      if (reader.writableLength > MAX_BACKLOG_BYTES) reader.destroy();
      else reader.write(text);
    }
  }

  close(): void {
    for (const reader of this.#readers) reader.end();
  }

  #past(after: number): string {
    const { latest } = this;
    // A number from before a restart of the local cloud is larger than any of now.
    const wanted = Math.min(Math.max(0, latest - after), MAX_PAST_EVENTS);
    if (wanted === 0) return "";
    const texts: string[] = [];
    let chars = 0;
    for (const [back, event] of this.#meter.events().slice(-wanted).reverse().entries()) {
      const text = textOf(event, latest - back);
      chars += text.length;
      if (chars > MAX_PAST_CHARS) break;
      texts.push(text);
    }
    return texts.reverse().join("");
  }
}

const textOf = (event: CloudEvent, id: number): string => `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;
