import type { Environment } from "./environment.ts";
import { hashOf } from "./hash.ts";
import { type HttpAnswer, HttpPool } from "./http.ts";
import { ServiceError } from "./service-error.ts";
import { createSigner, type Sign } from "./signer.ts";

export interface ServiceOptions {
  /** The name that signatures use, such as `execute-api`. */
  readonly service: string;
  /** Requests go below its path. */
  readonly endpoint: string;
  readonly env: Environment;
  /** Requests on their way at once. */
  readonly connections: number;
  /** How long an answer may take, in milliseconds. @default 3000 */
  readonly answerTimeoutMs?: number;
}

export interface ServiceRequest {
  /** Below the endpoint, beginning with a slash, percent-encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** {@link hashOf} the body, where it is known already. */
  readonly bodyHash?: string;
}

/**
 * One AWS service by signed requests, each sent once. It does what the SDK's clients do for the calls that a broadcast makes to
 * each recipient, at a fifth of their CPU time (test/bench/post.ts).
 */
export class Service {
  readonly #pool: HttpPool;
  readonly #sign: Sign;
  readonly #host: string;
  readonly #base: string;

  constructor({ service, endpoint, env, connections, answerTimeoutMs }: ServiceOptions) {
    const { origin, host, pathname } = new URL(endpoint);
    this.#pool = new HttpPool(origin, connections, answerTimeoutMs);
    this.#sign = createSigner(service, env);
    this.#host = host;
    this.#base = pathname.replace(/\/$/, "");
  }

  /**
   * @throws ServiceError when the service refuses or fails
   * @throws Error when there is no answer (`isNetworkError`)
   */
  async post(request: ServiceRequest): Promise<HttpAnswer> {
    const { body, bodyHash = hashOf(body) } = request;
    const path = `${this.#base}${request.path}`;
    const headers = await this.#sign({
      method: "POST",
      path,
      headers: { ...request.headers, host: this.#host },
      bodyHash,
    });
    const answer = await this.#pool.request({ method: "POST", path, headers, body });
    if (answer.status < 200 || answer.status > 299) throw new ServiceError(answer);
    return answer;
  }

  /** Ends its connections. */
  async close(): Promise<void> {
    await this.#pool.close();
  }
}
