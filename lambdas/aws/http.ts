// An application's compiler sees only the files that ours name.
/// <reference path="./undici-pool.d.ts" />
import type { Dispatcher } from "undici";
import Pool from "undici/lib/dispatcher/pool.js";

/** Milliseconds. Without a way out of a VPC, connecting hangs instead of failing (github aws/aws-sdk-go-v2 issue 1534). */
const CONNECT_TIMEOUT_MS = 1_000;
/** Most answers come within 50. */
const ANSWER_TIMEOUT_MS = 3_000;
/** How long an idle connection is kept: a new one costs a TLS handshake. */
const KEEP_ALIVE_MS = 30_000;

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

export interface HttpRequest {
  readonly method: "POST";
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** Kept-alive connections to one host. */
export class HttpPool {
  readonly #pool: InstanceType<typeof Pool>;

  /**
   * @param connections at most so many; further requests wait, and their timeouts with them
   * @param answerTimeoutMs from the request to the headers of its answer, and between two parts of the answer
   */
  constructor(origin: string, connections: number, answerTimeoutMs = ANSWER_TIMEOUT_MS) {
    this.#pool = new Pool(origin, {
      connections,
      // The next request must not wait behind an answer that is late.
      pipelining: 1,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
    });
  }

  /** Resolves with whatever status is answered; rejects when there is no answer (`isNetworkError`). */
  request(request: HttpRequest): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      this.#pool.dispatch(request, new Receiver(resolve, reject));
    });
  }

  /** Ends the connections: what is in flight fails. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** undici's `request()` makes a stream of each body; the answers to posts have none. */
class Receiver implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: Error) => void;
  readonly #chunks: Uint8Array[] = [];
  #status = 0;
  #headers: HttpAnswer["headers"] = {};

  constructor(resolve: (answer: HttpAnswer) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  // undici takes a handler without it for one of its older kind.
  onRequestStart(): void {}

  onResponseStart(_controller: unknown, status: number, headers: HttpAnswer["headers"]): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: unknown, chunk: Uint8Array): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const text = this.#chunks.length === 0 ? "" : Buffer.concat(this.#chunks).toString("utf8");
    const answer = { status: this.#status, headers: this.#headers, text };
    // undici takes a connection back one turn of the event loop after this call. Who goes on before that, with the second of
    // two requests one after the other, would open a second connection for it.
    queueMicrotask(() => setImmediate(this.#resolve, answer));
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#reject(error);
  }
}
