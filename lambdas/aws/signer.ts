import { createHash, createHmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { type Environment, required } from "./environment.ts";

/** What signature-v4 hashes with; OpenSSL is some ten times faster than hashing in JavaScript. */
class Sha256 {
  readonly #hash: { update(data: Uint8Array): unknown; digest(): Buffer };

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): never {
    throw new Error("a hash that is used once cannot be reset");
  }
}

function bytesOf(secret: string | ArrayBuffer | ArrayBufferView): Uint8Array {
  if (typeof secret === "string") return Buffer.from(secret, "utf8");
  return ArrayBuffer.isView(secret)
    ? new Uint8Array(secret.buffer, secret.byteOffset, secret.byteLength)
    : new Uint8Array(secret);
}

/** What is signed. Headers in lower case, `host` among them. */
export interface UnsignedRequest {
  readonly method: string;
  /** As it travels: percent-encoded, without a query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `hashOf` the body: whoever sends one body to many hashes it once. */
  readonly bodyHash: string;
}

export type Sign = (request: UnsignedRequest) => Promise<Record<string, string>>;

/**
 * Signs requests to one service in the function's region. The credentials are read from the environment for each request,
 * so that new ones count as soon as they are there; the key that is derived from them for a day is kept by signature-v4.
 * @returns the headers to send
 */
export function createSigner(service: string, env: Environment): Sign {
  const signer = new SignatureV4({
    service,
    region: async () => required(env, "AWS_REGION"),
    credentials: async () => ({
      accessKeyId: required(env, "AWS_ACCESS_KEY_ID"),
      secretAccessKey: required(env, "AWS_SECRET_ACCESS_KEY"),
      ...(env.AWS_SESSION_TOKEN && { sessionToken: env.AWS_SESSION_TOKEN }),
    }),
    sha256: Sha256,
  });
  return async ({ method, path, headers, bodyHash }) => {
    const signed = await signer.sign({
      method,
      path,
      protocol: "https:",
      hostname: headers.host ?? "",
      headers: { ...headers, "x-amz-content-sha256": bodyHash },
    });
    return signed.headers;
  };
}
