import type { WebSocket } from "ws";
import type { ApiModel } from "../model.ts";
import type { ConnectionFacts } from "./events.ts";
import { isConnectionId } from "./ids.ts";

/** One client's connection, from its upgrade request to its $disconnect. */
export class Connection {
  readonly facts: ConnectionFacts;
  /** Settles when $disconnect has run, or will never run. */
  readonly ended: Promise<void>;
  /** Called by whoever ends the connection, once. */
  readonly markEnded: () => void;
  #api: ApiModel;
  #socket: WebSocket | undefined;
  #reachableAt = Number.POSITIVE_INFINITY;
  #lastActiveAt: number;
  #onActivity: () => void = () => {};

  constructor(facts: ConnectionFacts, api: ApiModel) {
    this.facts = facts;
    this.#api = api;
    this.#lastActiveAt = facts.connectedAt;
    let markEnded = () => {};
    this.ended = new Promise((resolve) => {
      markEnded = resolve;
    });
    this.markEnded = markEnded;
  }

  /** The API as it is deployed now. */
  get api(): ApiModel {
    return this.#api;
  }

  /** Routes of a later deployment. */
  deploy(api: ApiModel): void {
    this.#api = api;
  }

  /** The upgrade is done; `@connections` reaches the client from `reachableAt` on (milliseconds of `performance.now`). */
  open(socket: WebSocket, reachableAt: number): void {
    this.#socket = socket;
    this.#reachableAt = reachableAt;
  }

  /** The client's socket, from the upgrade on. */
  get socket(): WebSocket | undefined {
    return this.#socket;
  }

  /** Milliseconds since the epoch of the last message in either direction. */
  get lastActiveAt(): number {
    return this.#lastActiveAt;
  }

  /** A message passed, in either direction. */
  active(): void {
    this.#lastActiveAt = Date.now();
    this.#onActivity();
  }

  /** Calls `listener` at each message. */
  onActivity(listener: () => void): void {
    this.#onActivity = listener;
  }

  /** Whether `@connections` reaches the client: not before $connect has returned, nor right after. */
  get reachable(): boolean {
    return performance.now() >= this.#reachableAt;
  }
}

/** The connections that exist. One that has ended is gone from here before its $disconnect is invoked. */
export class ConnectionRegistry {
  readonly #connections = new Map<string, Connection>();

  add(connection: Connection): void {
    this.#connections.set(connection.facts.connectionId, connection);
  }

  /** Whether it was there: of all who try to end a connection, one succeeds. */
  remove(connection: Connection): boolean {
    return this.#connections.delete(connection.facts.connectionId);
  }

  has(connection: Connection): boolean {
    return this.#connections.has(connection.facts.connectionId);
  }

  /** A connection of this API, or why there is none: `malformed` is no id at all, `gone` may have been one. */
  find(api: ApiModel, connectionId: string): Connection | "malformed" | "gone" {
    if (!isConnectionId(connectionId)) return "malformed";
    const connection = this.#connections.get(connectionId);
    return connection?.facts.apiId === api.apiId ? connection : "gone";
  }

  all(): readonly Connection[] {
    return [...this.#connections.values()];
  }
}
