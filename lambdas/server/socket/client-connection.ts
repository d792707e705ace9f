import { requestOfConnection, type UpgradeRequest } from "../common/upgrade-request.ts";
import type { ConnectionRecord } from "../ports/sockets.ts";
import { RebuiltObjects } from "./rebuilt-objects.ts";

/** What a socket knows of its client's connection, made when it is first asked for. */
export class ClientConnection {
  readonly #connection: ConnectionRecord;
  #request: UpgradeRequest | undefined;
  readonly rebuilt = new RebuiltObjects();
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
    this.#request ??= this.rebuilt.add("request", requestOfConnection(this.#connection));
    return this.#request;
  }
}
