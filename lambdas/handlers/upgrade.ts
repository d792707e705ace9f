import { randomBytes } from "node:crypto";
import type { UpgradeDetails } from "../server/common/handshake.ts";
import { extrasOf, makeRequest, type UpgradeRequest } from "../server/common/upgrade-request.ts";
import { generateId, passGate, type Refusal } from "../server/upgrade/gate.ts";
import { asInvocation, type HandlerContext } from "./context.ts";
import type { LambdaEvent } from "./lambda-event.ts";
import { UPGRADE_PATIENCE_MS } from "./open.ts";
import type { ProxyResponse } from "./proxy-response.ts";

type Connect = Extract<LambdaEvent, { kind: "connect" }>;

/** How many bytes of headers are kept: they are read with the connection at every event, a unit of reading is 4 KB. */
const MAX_HEADER_BYTES = 2_048;

/**
 * $connect: lets the upgrade through or refuses it with a status. Nothing can be posted before this returns, so the open
 * packet is another invocation's task.
 */
export async function handleConnect(context: HandlerContext, event: Connect): Promise<ProxyResponse> {
  const { server, ports } = context;
  const request = requestOfEvent(event);
  let refusal: Refusal | undefined;
  let sid = randomBytes(15).toString("base64url");
  // A route response is no answer to an upgrade.
  await asInvocation({ ...context, routeResponses: false }, 0, async (invocation) => {
    refusal = await passGate(server, invocation, request);
    if (refusal) return;
    const id = await generateId(server, invocation, request);
    if (typeof id === "string") sid = id;
    else refusal = id;
  });
  if (refusal) return refusal;
  const { connectionId, connectedAt } = event;
  const handshake = JSON.stringify(details(context, event, request));
  // At once: the client sees an open packet only after both, since until this returns every post is refused (410).
  const [since] = await Promise.all([
    ports.store.putConnection({ connectionId, sid, connectedAt, handshake }).then(() => ports.clock.now()),
    ports.tasks.start({ task: "open", connectionId, sid }),
  ]);
  // The open packet may have been given up by now: the client would wait for it in vain. Refused, it comes again at once.
  if (ports.clock.now() - since >= UPGRADE_PATIENCE_MS) return { statusCode: 503 };
  return { statusCode: 200, ...subprotocol(event.headers) };
}

/**
 * Of the subprotocols that a client offers, the first is spoken, as on stock: a browser closes a connection whose answer names
 * none. Browsers have no other way to send a token in a header.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html
 */
function subprotocol(headers: ReadonlyMap<string, string>): Pick<ProxyResponse, "headers"> {
  const [first = ""] = (headers.get("sec-websocket-protocol") ?? "").split(",");
  const name = first.trim();
  return name === "" ? {} : { headers: { "Sec-WebSocket-Protocol": name } };
}

/** The request as middlewares see it: with all its headers. */
function requestOfEvent(event: Connect): UpgradeRequest {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(event.query)) {
    for (const one of [value].flat()) search.append(name, one);
  }
  return makeRequest({
    headers: Object.fromEntries(event.headers),
    url: `/${event.stage}/?${String(search).replaceAll("+", "%20")}`, // as clients write it: a space is no "+" there
    query: lastValues(event.query),
    address: event.sourceIp,
    secure: (event.headers.get("x-forwarded-proto") ?? "https") === "https",
  });
}

/** Of a parameter that was given several times, the last: a string, which applications may rely on, as on stock. */
const lastValues = (query: Connect["query"]): Record<string, string> =>
  Object.fromEntries(Object.entries(query).map(([name, values]) => [name, [values].flat().at(-1) ?? ""]));

/** What is kept of the request for `socket.handshake` and `socket.request`. */
function details(context: HandlerContext, event: Connect, request: UpgradeRequest): UpgradeDetails {
  const extras = extrasOf(request, (name, why) =>
    context.server.notice(`request.${name}, set by an engine middleware,`, `it is not kept: ${why}`),
  );
  return {
    headers: keptHeaders(context, event.headers),
    address: event.sourceIp,
    xdomain: event.headers.has("origin"),
    secure: request.connection.encrypted === true,
    url: request.url ?? "",
    query: lastValues(event.query),
    ...(extras && { extras }),
  };
}

/** The headers that the application asked for, in its order of importance, as long as there is room. */
function keptHeaders(
  { server, ports }: HandlerContext,
  headers: ReadonlyMap<string, string>,
): Record<string, string> {
  const kept: Record<string, string> = {};
  let room = MAX_HEADER_BYTES;
  for (const name of server.options.handshakeHeaders) {
    const value = headers.get(name);
    if (value === undefined) continue;
    const bytes = name.length + Buffer.byteLength(value);
    if (bytes > room) {
      ports.log.warn(
        "SKY_HEADER_DROPPED",
        `the header ${name} (${bytes} bytes) is not kept: ${MAX_HEADER_BYTES} bytes of headers are. Name the ones you need in handshakeHeaders, or send a token in the client's auth.`,
      );
      continue;
    }
    room -= bytes;
    kept[name] = value;
  }
  return kept;
}
