import { AsyncLocalStorage, createHook } from "node:async_hooks";

/** What `process.getActiveResourcesInfo()` tells, with its names for it, by the names in hooks. */
const KINDS: Readonly<Record<string, string>> = {
  Timeout: "Timeout",
  Immediate: "Immediate",
  TCPWRAP: "TCPSocketWrap",
  TLSWRAP: "TLSWrap",
  PROCESSWRAP: "ProcessWrap",
  FSREQCALLBACK: "FSReqCallback",
  FSREQPROMISE: "FSReqPromise",
  GETADDRINFOREQWRAP: "GetAddrInfoReqWrap",
  QUERYWRAP: "QueryReqWrap",
};

interface Active {
  readonly kind: string;
  readonly resource: object;
}

/**
 * Tells what a part of the process holds: timers, requests, connections that were begun in it. On Lambda the process is the
 * function's alone; in a test most of what goes on is the test's and its clients', which an event must not wait for.
 */
export class OwnResources {
  readonly #parts = new AsyncLocalStorage<Map<number, Active>>();
  readonly #owners = new Map<number, Map<number, Active>>();
  readonly #hook = createHook({
    init: (id, type, _trigger, resource) => {
      const kind = KINDS[type];
      const owner = kind === undefined ? undefined : this.#parts.getStore();
      if (kind === undefined || owner === undefined) return;
      owner.set(id, { kind, resource });
      this.#owners.set(id, owner);
    },
    destroy: (id) => {
      this.#owners.get(id)?.delete(id);
      this.#owners.delete(id);
    },
  }).enable();

  /** Runs `work` as a part of its own. */
  run<T>(work: () => T): T {
    return this.#parts.run(new Map(), work);
  }

  /** Runs `work` as no part: what it begins is nobody's. */
  exit<T>(work: () => T): T {
    return this.#parts.exit(work);
  }

  /** What the part that asks holds right now, by kind; as on Lambda without timers that hold nothing (`unref`). */
  active(): string[] {
    return [...(this.#parts.getStore()?.values() ?? [])].filter(holds).map(({ kind }) => kind);
  }

  stop(): void {
    this.#hook.disable();
  }
}

const holds = ({ resource }: Active): boolean =>
  !("hasRef" in resource) || typeof resource.hasRef !== "function" || resource.hasRef() !== false;
