import type { AnyFunction } from "../common/typed-events.ts";
import { notAvailable } from "../common/unavailable.ts";

/** What Node's EventEmitter offers beside `on` and `off`, for objects with few events, whose listeners are kept elsewhere. */
export abstract class EventSource {
  /** Kept to be told again; nothing is counted here, since nothing leaks from one event to the next. */
  #maxListeners = 10;

  abstract on(event: string, listener: AnyFunction): this;

  abstract off(event: string, listener: AnyFunction): this;

  abstract once(event: string, listener: AnyFunction): this;

  /** The listeners of an event that happens here, to be changed; undefined for all others. */
  protected abstract registered(event: string): AnyFunction[] | undefined;

  /** Events that happen here. */
  protected abstract readonly happening: readonly string[];

  /** As the application calls it, for errors. */
  protected abstract readonly called: string;

  addListener(event: string, listener: AnyFunction): this {
    return this.on(event, listener);
  }

  prependListener(event: string, listener: AnyFunction): this {
    this.on(event, listener);
    return this.#moveFirst(event);
  }

  prependOnceListener(event: string, listener: AnyFunction): this {
    this.once(event, listener);
    return this.#moveFirst(event);
  }

  removeListener(event: string, listener: AnyFunction): this {
    return this.off(event, listener);
  }

  removeAllListeners(event?: string): this {
    for (const name of event === undefined ? this.happening : [event]) {
      for (const listener of this.listeners(name)) this.off(name, listener);
    }
    return this;
  }

  listeners(event: string): AnyFunction[] {
    return [...(this.registered(event) ?? [])];
  }

  rawListeners(event: string): AnyFunction[] {
    return this.listeners(event);
  }

  listenerCount(event: string): number {
    return this.registered(event)?.length ?? 0;
  }

  eventNames(): string[] {
    return this.happening.filter((event) => this.listenerCount(event) > 0);
  }

  setMaxListeners(n: number): this {
    this.#maxListeners = n;
    return this;
  }

  getMaxListeners(): number {
    return this.#maxListeners;
  }

  /** @throws always: what happens to connections is told by API Gateway */
  emit(event: string, ..._args: unknown[]): never {
    throw notAvailable(
      `${this.called}.emit(${JSON.stringify(event)})`,
      "its events are what API Gateway tells. Call your own function instead.",
    );
  }

  #moveFirst(event: string): this {
    const listeners = this.registered(event);
    const latest = listeners?.pop();
    if (latest) listeners?.unshift(latest);
    return this;
  }
}
