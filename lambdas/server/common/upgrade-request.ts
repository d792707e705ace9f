import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { ParsedUrlQuery } from "node:querystring";
import type { ConnectionRecord } from "../ports/sockets.ts";
import { upgradeOf } from "./handshake.ts";
import { NotJsonError, setOwn, toPlainJson } from "./json.ts";

interface Peer {
  readonly remoteAddress?: string | undefined;
  readonly encrypted?: boolean;
}

/**
 * The client's upgrade request, as far as API Gateway tells of it: a plain object with the members of Node's that have a
 * meaning, `_query`, and whatever engine middlewares put on it.
 */
export interface UpgradeRequest
  extends Pick<
    IncomingMessage,
    "headers" | "url" | "method" | "httpVersion" | "httpVersionMajor" | "httpVersionMinor"
  > {
  readonly connection: Peer;
  readonly socket: Peer;
  // biome-ignore lint/suspicious/noExplicitAny: what middlewares put there (`request.user`) is the application's
  [name: string]: any;
}

/** How many bytes of what middlewares put on the request are kept: they are read with the connection at every event. */
const MAX_EXTRAS_BYTES = 1_024;

export function makeRequest(parts: {
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly query: ParsedUrlQuery;
  readonly address: string;
  readonly secure: boolean;
}): UpgradeRequest {
  const peer: Peer = { remoteAddress: parts.address, encrypted: parts.secure };
  return {
    method: "GET",
    url: parts.url,
    httpVersion: "1.1",
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    headers: parts.headers,
    _query: parts.query,
    connection: peer,
    socket: peer,
  };
}

const OWN: ReadonlySet<string> = new Set(
  Object.keys(makeRequest({ headers: {}, url: "", query: {}, address: "", secure: false })),
);

/** The request of a connection that is there already: with the headers that were kept, and what middlewares left. */
export function requestOfConnection(connection: ConnectionRecord): UpgradeRequest {
  const { extras = {}, ...upgrade } = upgradeOf(connection);
  const request = makeRequest(upgrade);
  for (const [name, value] of Object.entries(extras)) setOwn(request, name, value);
  return request;
}

/** What middlewares put on the request and JSON can hold, also of a session. `lost` is called with what it cannot, and why. */
export function extrasOf(
  request: UpgradeRequest,
  lost: (name: string, why: string) => void,
): Record<string, unknown> | undefined {
  const extras: Record<string, unknown> = {};
  let room = MAX_EXTRAS_BYTES;
  for (const [name, value] of Object.entries(request)) {
    if (OWN.has(name) || value === undefined || typeof value === "function") continue;
    try {
      const bytes = Buffer.byteLength(toPlainJson(value, `request.${name}`)) + name.length;
      if (bytes > room) lost(name, `it is ${bytes} bytes; ${MAX_EXTRAS_BYTES} bytes are kept in all`);
      else setOwn(extras, name, value);
      room -= bytes > room ? 0 : bytes;
    } catch (error) {
      // Others come of getters and `toJSON`.
      lost(name, error instanceof NotJsonError ? error.message : `reading it failed: ${String(error)}`);
    }
  }
  return Object.keys(extras).length > 0 ? extras : undefined;
}
