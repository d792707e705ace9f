import { randomBytes } from "node:crypto";
import { Manager, type ManagerOptions, type SocketOptions } from "socket.io-client";
import { Client } from "./client.ts";
import { Names } from "./scenario-names.ts";
import { RawClient } from "./scenario-raw.ts";
import type { Target } from "./scenario-target.ts";
import type { Entry } from "./scenario-trace.ts";

/** What each client saw, in its own order. Across clients no order is claimed. */
export type Traces = Readonly<Record<string, readonly Entry[]>>;

/** One behaviour, as a conversation that must look the same to every client on stock Socket.IO and on ours. */
export interface Scenario {
  /** A sentence. */
  readonly name: string;
  /** Members of the server's API that it shows at work, as the parity table names them: `Socket#join`, `ServerOptions.cors`. */
  readonly covers?: readonly string[];
  /** MUST wait for everything that it causes to arrive, else its trace depends on timing. */
  run(context: ScenarioContext): Promise<void>;
  /** Where serverless cannot, or should not, do what stock does. */
  readonly differs?: {
    readonly why: string;
    /** What our clients see instead, as {@link Traces}. */
    readonly expect: Traces;
    /** True where stock Socket.IO does not survive the scenario. */
    readonly stockCrashes?: boolean;
  };
}

/** Scenarios about one subject. */
export interface ScenarioGroup {
  readonly title: string;
  readonly scenarios: readonly Scenario[];
}

export interface DialOptions {
  /** @default "/" */
  readonly nsp?: string;
  /** Shares this client's connection. */
  readonly over?: Client;
  readonly auth?: Record<string, unknown> | ((send: (auth: object) => void) => void);
  readonly manager?: Partial<ManagerOptions>;
  readonly socket?: Pick<SocketOptions, "retries" | "ackTimeout">;
}

export class ScenarioContext {
  readonly #target: Target;
  readonly #names = new Names(randomBytes(6).toString("hex"));
  readonly #clients = new Map<string, Client | RawClient>();

  constructor(target: Target) {
    this.#target = target;
  }

  /** A room name of this run only; traces show it as it was given. */
  room(name: string): string {
    return this.#names.room(name);
  }

  /** Starts to connect, as a manager's sockets do by themselves, and does not wait for it. */
  dial(name: string, options: DialOptions = {}): Client {
    const manager =
      options.over?.socket.io ??
      new Manager(this.#target.url, {
        path: this.#target.path,
        transports: ["websocket"],
        forceBase64: true,
        // A scenario that is about reconnecting says so; for the others a lost connection is to be seen as one.
        reconnection: false,
        ...options.manager,
      });
    const socket = manager.socket(options.nsp ?? "/", {
      ...options.socket,
      ...(options.auth && { auth: options.auth }),
    });
    return this.#keep(name, new Client(name, socket, this.#names));
  }

  /** Connects to a namespace. */
  async connect(name: string, options: DialOptions = {}): Promise<Client> {
    const client = this.dial(name, options);
    await client.connected();
    if (this.#target.ready?.includes(options.nsp ?? "/")) await client.ready();
    return client;
  }

  /** Opens a plain WebSocket, with the query of an Engine.IO client unless told otherwise. */
  raw(
    name: string,
    query = "EIO=4&transport=websocket&b64=1",
    headers: Readonly<Record<string, string>> = {},
  ): RawClient {
    const url = `${this.#target.url.replace(/^http/, "ws")}${this.#target.path}/?${query}`;
    return this.#keep(name, new RawClient(name, url, this.#names, headers));
  }

  /** A plain WebSocket that is in the main namespace already. */
  async rawConnected(name: string): Promise<RawClient> {
    const raw = this.raw(name);
    await raw.opened();
    raw.send("40");
    await raw.frame();
    return raw;
  }

  #keep<T extends Client | RawClient>(name: string, client: T): T {
    if (this.#clients.has(name)) throw new Error(`two clients called "${name}" in one scenario`);
    this.#clients.set(name, client);
    return client;
  }

  traces(): Traces {
    return this.#collect((client) => client.trace.entries);
  }

  unclaimed(): Traces {
    const all = this.#collect((client) => client.trace.unclaimed);
    return Object.fromEntries(Object.entries(all).filter(([, entries]) => entries.length > 0));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client.stop()));
  }

  #collect(pick: (client: Client | RawClient) => readonly Entry[]): Traces {
    return Object.fromEntries(
      [...this.#clients].map(([name, client]) => [
        name,
        pick(client).map(
          ([kind, ...details]): Entry => [kind, ...details.map((d) => this.#names.normalize(d))],
        ),
      ]),
    );
  }
}

export interface Outcome {
  readonly traces: Traces;
  /** What arrived although the scenario did not wait for it, by client; empty in a sound scenario. */
  readonly unclaimed: Traces;
}

/** Runs one scenario on one target. */
export async function play(scenario: Scenario, target: Target): Promise<Outcome> {
  const context = new ScenarioContext(target);
  try {
    await scenario.run(context);
  } catch (error) {
    // The scenario's own error tells more than what its clients say when they are stopped in the middle.
    await context.stop().catch(() => {});
    throw error;
  }
  const outcome = { traces: context.traces(), unclaimed: context.unclaimed() };
  await context.stop();
  return outcome;
}
