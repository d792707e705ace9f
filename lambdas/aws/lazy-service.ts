import type { HttpAnswer } from "./http.ts";
import type { Service, ServiceOptions, ServiceRequest } from "./service.ts";

const load = () => import("./skysocket-service.mjs");

let loading: Promise<void> | undefined;

/**
 * Begins to load what {@link LazyService} needs, while the first request to DynamoDB is on its way. Whoever calls it awaits it
 * before its invocation ends. Never rejects: a failure is the first request's.
 */
export function loadService(): Promise<void> {
  loading ??= load().then(
    () => undefined,
    () => undefined,
  );
  return loading;
}

/** A {@link Service} whose code is loaded for its first request. */
export class LazyService {
  readonly #options: ServiceOptions;
  #service: Service | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  /** As {@link Service.post}. */
  async post(request: ServiceRequest): Promise<HttpAnswer> {
    const service = this.#service ?? (await this.#create());
    return await service.post(request);
  }

  /** Ends its connections. */
  async close(): Promise<void> {
    await this.#service?.close();
  }

  async #create(): Promise<Service> {
    const { Service } = await load();
    // Several requests may have waited for it.
    this.#service ??= new Service(this.#options);
    return this.#service;
  }
}
