import type { ServerResponse } from "node:http";
import type { CloudEvent } from "./model.ts";

/** A reader that is this far behind is cut off; EventSource comes back by itself. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024;

/** What happens in the local cloud, as server-sent events: one CloudEvent as JSON in each. */
export class EventStream {
  readonly #readers = new Set<ServerResponse>();

  /** From now on the response gets every event, until its reader leaves. */
  add(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    // Headers alone would wait for the first event, and the reader would not know that it is connected.
    response.write(": connected\n\n");
    this.#readers.add(response);
    response.on("close", () => this.#readers.delete(response));
  }

  send(event: CloudEvent): void {
    if (this.#readers.size === 0) return;
    const text = `data: ${JSON.stringify(event)}\n\n`;
    for (const reader of this.#readers) {
      if (reader.writableLength > MAX_BACKLOG_BYTES) reader.destroy();
      else reader.write(text);
    }
  }

  close(): void {
    for (const reader of this.#readers) reader.end();
  }
}
