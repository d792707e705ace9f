/**
 * AWS Signature Version 4, both ways: verifying what the functions' SDK clients signed, and signing what the local cloud
 * itself sends to a DynamoDB of the user's choice.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, createHmac } from "node:crypto";

/** The request as it was on the wire. */
export interface WireRequest {
  readonly method: string;
  /** Path and query as sent, still percent-encoded: `/prod/%40connections/abc%3D`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** `Credential` of an Authorization header: `AKIA…/20260101/us-east-1/dynamodb/aws4_request`. */
export interface Scope {
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Uint8Array, data: string): Buffer =>
  createHmac("sha256", key).update(data).digest();

/** RFC 3986: `encodeURIComponent` leaves five characters alone that SigV4 wants encoded. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** The one header value that SigV4 signs, or undefined. Repeated headers are joined as HTTP says. */
export function headerOf(request: WireRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === "string" || value === undefined ? value : value.join(",");
}

/** Hex SHA-256 of the body. */
export function payloadHash(body: Uint8Array): string {
  return sha256(body);
}

/** The key that signs a scope; derived per secret and day, so it is worth keeping. */
export function signingKey(secretAccessKey: string, scope: Scope): Buffer {
  const day = hmac(`AWS4${secretAccessKey}`, scope.date);
  return hmac(hmac(hmac(day, scope.region), scope.service), "aws4_request");
}

/** The hex signature of `request` over `signedHeaders` (lower-case names, sorted) at `amzDate` (`20260101T000000Z`). */
export function signatureOf(
  request: WireRequest,
  options: {
    readonly key: Uint8Array;
    readonly scope: Scope;
    readonly amzDate: string;
    readonly signedHeaders: readonly string[];
    readonly payloadHash: string;
  },
): string {
  const { scope, signedHeaders } = options;
  const queryStart = request.url.indexOf("?");
  const path = queryStart < 0 ? request.url : request.url.slice(0, queryStart);
  const canonicalHeaders = signedHeaders.map(
    (name) => `${name}:${(headerOf(request, name) ?? "").trim().replace(/\s+/g, " ")}\n`,
  );
  const canonical = [
    request.method,
    // Every service but S3 signs the path encoded once more than it travels.
    encode(path).replace(/%2F/g, "/") || "/",
    canonicalQuery(queryStart < 0 ? "" : request.url.slice(queryStart + 1)),
    canonicalHeaders.join(""),
    signedHeaders.join(";"),
    options.payloadHash,
  ].join("\n");
  const credentialScope = `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", options.amzDate, credentialScope, sha256(canonical)].join("\n");
  return hmac(options.key, toSign).toString("hex");
}

/** Headers that make `request` a signed one: `x-amz-date` and `authorization`, to be sent with the rest. */
export function sign(
  request: WireRequest,
  credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string | undefined;
  },
  target: { readonly region: string; readonly service: string; readonly at: Date },
): Record<string, string> {
  const amzDate = `${target.at.toISOString().replace(/[-:]/g, "").replace(/\.\d+/, "")}`;
  const scope: Scope = { date: amzDate.slice(0, 8), region: target.region, service: target.service };
  const extra: Record<string, string> = { "x-amz-date": amzDate };
  if (credentials.sessionToken !== undefined) extra["x-amz-security-token"] = credentials.sessionToken;
  const headers = { ...request.headers, ...extra };
  const signedHeaders = Object.keys(headers).sort();
  const signature = signatureOf(
    { ...request, headers },
    {
      key: signingKey(credentials.secretAccessKey, scope),
      scope,
      amzDate,
      signedHeaders,
      payloadHash: payloadHash(request.body),
    },
  );
  const credential = `${credentials.accessKeyId}/${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  extra.authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders.join(";")}, Signature=${signature}`;
  return extra;
}

function canonicalQuery(query: string): string {
  if (query === "") return "";
  return query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const cut = pair.indexOf("=");
      const name = cut < 0 ? pair : pair.slice(0, cut);
      const value = cut < 0 ? "" : pair.slice(cut + 1);
      return `${encode(decodeURIComponent(name))}=${encode(decodeURIComponent(value))}`;
    })
    .sort()
    .join("&");
}
