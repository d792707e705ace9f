import type { AnyFunction } from "../common/typed-events.ts";
import type { UpgradeRequest } from "../common/upgrade-request.ts";
import type { ResolvedOptions } from "./options.ts";

/** Why a connection was refused at $connect, as `io.engine.on("connection_error")` gets it. */
export interface ConnectionError {
  readonly req: UpgradeRequest;
  /** Engine.IO's error code. */
  readonly code: number;
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
}

/** What `io.engine` needs of its server. */
export interface EngineServer {
  readonly options: ResolvedOptions;
  /** As in NamespaceServer. */
  notice(what: string, why: string): void;
  /** As in NamespaceServer. */
  assertDeclaring(what: string): void;
}

/** What the application declared through `io.engine`. */
export class EngineCore {
  readonly server: EngineServer;
  readonly middlewares: AnyFunction[] = [];
  readonly errorListeners: ((error: ConnectionError) => unknown)[] = [];
  generateId: ((request: UpgradeRequest) => string | PromiseLike<string>) | undefined;

  constructor(server: EngineServer) {
    this.server = server;
  }

  /** True if code of the application's runs at $connect: only then there is something to wait for. */
  get involved(): boolean {
    const { allowRequest, origin } = this.server.options;
    return (
      this.middlewares.length + this.errorListeners.length > 0 ||
      this.generateId !== undefined ||
      allowRequest !== undefined ||
      typeof origin === "function"
    );
  }
}
