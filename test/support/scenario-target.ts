/** A running server that a scenario talks to: stock Socket.IO, the stack on the local cloud, or the application on the host. */
export interface Target {
  readonly name: "stock" | "cloud" | "host";
  /** As `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** The clients' `path` option. */
  readonly path: string;
  /** Namespaces whose sockets answer "ready?" once they are complete: clients there are waited for. */
  readonly ready?: readonly string[];
  stop(): Promise<void>;
}
