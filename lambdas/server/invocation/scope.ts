import { AsyncLocalStorage } from "node:async_hooks";
import type { Stay } from "../shared/stay.ts";
import type { EffectQueue } from "./effect-queue.ts";
import type { Participant } from "./participant.ts";

/** On whose behalf the running code runs. */
export interface Scope {
  /** Compared only: whose invocation it is. */
  readonly invocation: object;
  /** The socket whose middleware, listener or handler this is. */
  readonly socket?: Participant;
  /** `replay`: everything done through the socket or `io` was done in the first run already. */
  readonly mode: "live" | "replay";
  /** True in middlewares and connection listeners, where handlers are registered. */
  readonly registering?: boolean;
  /** True in middlewares: what they ask for is recorded apart, since replays run them only where they must. */
  readonly middleware?: boolean;
  /** Where in the order of effects this code's effects belong, if not at the end (see {@link EffectQueue}). */
  readonly lane?: EffectQueue | undefined;
  /** It may use variables that its namespace shares. */
  readonly stay?: Stay | undefined;
}

/** The only state beside the objects: it belongs to the running call, not to the module. */
export const scopes = new AsyncLocalStorage<Scope>();
