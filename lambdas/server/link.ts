import type { ConnectionRecord } from "./ports.ts";
import { requestOf, type UpgradeRequest } from "./upgrade-request.ts";

/** What a socket knows of its client's connection, made when it is first asked for. */
export class Link {
  readonly #connection: ConnectionRecord;
  #request: UpgradeRequest | undefined;
  #names: ReadonlySet<string> = new Set();
  state: "open" | "closing" | "closed" = "open";

  constructor(connection: ConnectionRecord) {
    this.#connection = connection;
  }

  /** Engine.IO session id. */
  get id(): string {
    return this.#connection.sid;
  }

  /** One object for the socket's whole event: middlewares put things on it for each other. */
  get request(): UpgradeRequest {
    if (!this.#request) {
      this.#request = requestOf(this.#connection);
      this.#names = new Set(Object.keys(this.#request));
    }
    return this.#request;
  }

  /** Has somebody put something on the request, which the next event would not find there? */
  get requestChanged(): boolean {
    return Object.keys(this.#request ?? {}).some((name) => !this.#names.has(name));
  }
}
