import type { PacketContext } from "../context.ts";
import { refuseConnect } from "./refuse.ts";

/** What clients are told. As with all that stock says in a connect_error: for the program, not for its user. */
export const TOO_MANY_NAMESPACES = "too many namespaces";
export const AUTH_TOO_LARGE = "auth too large";

/**
 * Each event reads the rows of all sockets of its connection, and its end writes them all. How many they are, and what their `auth` says,
 * is up to the client: so there are limits, of which it hears in a `connect_error`. They are looked at before the application's
 * functions and middlewares run, and cost no request.
 * @param socketCount of the connection, those included that have ended; 0 if the namespace is one of theirs
 * @returns true if the client has been refused
 */
export async function refusedByLimits(
  context: PacketContext,
  { nsp, auth }: { readonly nsp: string; readonly auth: Record<string, unknown> },
  socketCount: number,
): Promise<boolean> {
  const { maxNamespacesPerConnection, maxAuthBytes } = context.server.options;
  const isTooLarge = Buffer.byteLength(JSON.stringify(auth)) > maxAuthBytes;
  if (!isTooLarge && socketCount < maxNamespacesPerConnection) return false;
  await refuseForLimit(context, nsp, isTooLarge ? AUTH_TOO_LARGE : TOO_MANY_NAMESPACES);
  return true;
}

export async function refuseForLimit(context: PacketContext, nsp: string, message: string): Promise<void> {
  const { server, connection, ports } = context;
  const option = message === AUTH_TOO_LARGE ? "maxAuthBytes" : "maxNamespacesPerConnection";
  server.seldom.warn(
    ports,
    "SKY_CLIENT_LIMIT",
    `a client was refused (${message}): ${option} is ${server.options[option]}. If clients of yours need more, raise it.`,
    { nsp: nsp.slice(0, 100), connection: connection.connectionId },
  );
  await refuseConnect(context, nsp, { message });
}
