import { randomBytes } from "node:crypto";
import type { UpgradeDetails } from "../server/handshake.ts";
import { originAllowed } from "../server/options.ts";
import type { HandlerContext } from "./context.ts";
import type { LambdaEvent } from "./lambda-event.ts";

type Connect = Extract<LambdaEvent, { kind: "connect" }>;

/** How many bytes of headers are kept: they are read with the connection at every event, a unit of reading is 4 KB. */
const MAX_HEADER_BYTES = 2_048;

export interface Refusal {
  readonly statusCode: 400 | 403;
  /** Engine.IO's own code and message. */
  readonly body: string;
}

/**
 * $connect: lets the upgrade through or refuses it with a status. Nothing can be posted before this returns, so the open
 * packet is another invocation's task.
 */
export async function handleConnect(context: HandlerContext, event: Connect): Promise<Refusal | undefined> {
  const refusal = check(context, event);
  if (refusal) return refusal;
  const sid = randomBytes(15).toString("base64url");
  const { connectionId, connectedAt } = event;
  // At once: the client sees an open packet only after both, since until this returns every post is refused (410).
  await Promise.all([
    context.ports.store.putConnection({
      connectionId,
      sid,
      connectedAt,
      handshake: JSON.stringify(details(context, event)),
    }),
    context.ports.tasks.start({ task: "open", connectionId, sid }),
  ]);
  return undefined;
}

/** Engine.IO's checks of a handshake, with its error codes. */
function check({ server }: HandlerContext, { query, headers }: Connect): Refusal | undefined {
  if (query.transport !== "websocket") return refuse(400, 0, "Transport unknown");
  if (query.EIO !== "4") return refuse(400, 5, "Unsupported protocol version");
  if (query.sid !== undefined) return refuse(400, 1, "Session ID unknown");
  const origin = headers.get("origin");
  if (origin !== undefined && !originAllowed(server.options.origin, origin)) {
    return refuse(403, 4, "Forbidden");
  }
  return undefined;
}

const refuse = (statusCode: Refusal["statusCode"], code: number, message: string): Refusal => ({
  statusCode,
  body: JSON.stringify({ code, message }),
});

function details(context: HandlerContext, event: Connect): UpgradeDetails {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(event.query)) {
    for (const one of [value].flat()) search.append(name, one);
  }
  return {
    headers: keptHeaders(context, event.headers),
    address: event.sourceIp,
    xdomain: event.headers.has("origin"),
    secure: (event.headers.get("x-forwarded-proto") ?? "https") === "https",
    url: `/${event.stage}/?${search}`,
    query: event.query,
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
