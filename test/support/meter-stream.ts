import { once, setMaxListeners } from "node:events";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { CloudEvent } from "../../infra/local/model.ts";

/** Milliseconds until what must come counts as missing, however busy the machine is. */
const PATIENCE_MS = 5 * 60_000;

type Run = Extract<CloudEvent, { kind: "lambda" }>;

/** Operations of DynamoDB that write, of those that a socket function may call. */
const WRITES: ReadonlySet<string> = new Set(["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"]);

/** What happens in a running local cloud, as its page sees it: for waiting until a run is over, and counting what it did. */
export class MeterStream {
  readonly events: CloudEvent[] = [];
  readonly #abort = new AbortController();
  readonly #news = new EventTarget();
  /** Routes of what clients did, by the id of its request; and the request of each message that it became in a queue. */
  readonly #routes = new Map<string, string>();
  readonly #requests = new Map<string, string>();
  #received = 0;

  /** Resolves when events are being received. */
  static async open(url: string): Promise<MeterStream> {
    const stream = new MeterStream();
    setMaxListeners(0, stream.#news); // one for each who waits
    const { body } = await fetch(`${url}/events`, { signal: stream.#abort.signal });
    if (!body) throw new Error("the event stream has no body");
    const lines = createInterface({
      input: Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]),
    });
    lines.on("line", (line) => {
      if (!line.startsWith("data: ")) return;
      stream.#received++;
      const event: CloudEvent = JSON.parse(line.slice("data: ".length));
      stream.events.push(event);
      stream.#remember(event);
      stream.#news.dispatchEvent(new Event("event"));
    });
    // Of the end by `close()`.
    lines.on("error", () => undefined);
    return stream;
  }

  /** Forgets what happened so far. */
  clear(): void {
    this.events.length = 0;
  }

  /** The runs that have ended since the last {@link clear}. */
  get runs(): Run[] {
    return this.events.filter((event) => event.kind === "lambda");
  }

  /**
   * Why it ran: the route of each frame that it handled, whether that came through a queue or not; else what Lambda calls the
   * trigger.
   */
  triggersOf({ trigger, messageIds = [] }: Run): string[] {
    const routes = messageIds.flatMap((id) => this.#routes.get(this.#requests.get(id) ?? "") ?? []);
    return routes.length > 0 ? routes : [trigger];
  }

  /** How often something with this trigger has been handled since the last {@link clear}. */
  handled(trigger: string): number {
    return this.runs.flatMap((run) => this.triggersOf(run)).filter((one) => one === trigger).length;
  }

  /** The first run with this trigger since the last {@link clear}, when it is over. Rejects after five minutes. */
  async run(trigger: string): Promise<Run> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const run = this.runs.find((one) => this.triggersOf(one).includes(trigger));
      if (run) return run;
      await once(this.#news, "event", { signal });
    }
  }

  /** Resolves when this holds, which is looked at after each event. Rejects after five minutes. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const seen = this.#received;
      if (await holds()) return;
      // What came while that was looked at may have changed it.
      if (seen === this.#received) await once(this.#news, "event", { signal });
    }
  }

  /** What one run asked of the other services, and what it sent. */
  usage({ requestId }: Run): {
    readonly requests: string[];
    readonly writes: string[];
    readonly posts: string[];
  } {
    const own = this.events.filter((event) => event.requestId === requestId);
    const requests = own.flatMap((event) => (event.kind === "dynamodb" ? [event.operation] : []));
    return {
      requests,
      writes: requests.filter((operation) => WRITES.has(operation)),
      posts: own.flatMap((event) =>
        event.kind === "gateway" && event.operation === "post" ? [event.body ?? ""] : [],
      ),
    };
  }

  close(): void {
    this.#abort.abort();
  }

  #remember(event: CloudEvent): void {
    if (event.kind === "gateway" && event.cause)
      this.#routes.set(event.cause, event.operation === "message" ? "$default" : `$${event.operation}`);
    if (event.kind !== "sqs" || event.operation !== "SendMessage") return;
    for (const id of event.messageIds) this.#requests.set(id, event.requestId);
  }
}
