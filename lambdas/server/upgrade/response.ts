/** What a middleware that ended its response answered with. */
export interface EndedResponse {
  readonly statusCode: number;
  /** API Gateway does not hand it on: the client gets the status alone (github.com/aws/chalice pull 1768). */
  readonly body: string;
}

/**
 * The response that middlewares in the manner of Express get. It can refuse; what it says to a client that is let in goes
 * nowhere, since API Gateway answers the upgrade.
 */
export class UpgradeResponse {
  statusCode = 200;
  headersSent = false;
  /** Resolves if a middleware ends the response. */
  readonly ended: Promise<EndedResponse>;
  readonly #headers = new Map<string, unknown>();
  readonly #chunks: string[] = [];
  #end: (ended: EndedResponse) => void = () => undefined;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  setHeader(name: string, value: unknown): this {
    this.#headers.set(name.toLowerCase(), value);
    return this;
  }

  getHeader(name: string): unknown {
    return this.#headers.get(name.toLowerCase());
  }

  getHeaders(): Record<string, unknown> {
    return Object.fromEntries(this.#headers);
  }

  getHeaderNames(): string[] {
    return [...this.#headers.keys()];
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name.toLowerCase());
  }

  removeHeader(name: string): void {
    this.#headers.delete(name.toLowerCase());
  }

  writeHead(statusCode: number = this.statusCode): this {
    this.statusCode = statusCode;
    this.headersSent = true;
    return this;
  }

  write(chunk: unknown): boolean {
    if (chunk !== undefined) this.#chunks.push(String(chunk));
    return true;
  }

  /** Refuses the upgrade. A status that says that all is well would let the client in: it becomes 400. */
  end(chunk?: unknown): this {
    if (typeof chunk !== "function") this.write(chunk);
    const statusCode = Math.max(this.statusCode, 400);
    this.#end({ statusCode, body: this.#chunks.join("") });
    return this;
  }

  /** Responses of middlewares that wait for the end (`on-finished`) have none: the upgrade is API Gateway's. */
  on(_event: string, _listener: unknown): this {
    return this;
  }

  once(_event: string, _listener: unknown): this {
    return this;
  }

  removeListener(_event: string, _listener: unknown): this {
    return this;
  }
}
