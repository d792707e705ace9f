import type { IncomingHttpHeaders } from "node:http";
import type { ParsedUrlQuery } from "node:querystring";
import type { ConnectionRecord, Json } from "../ports/sockets.ts";

/** The details of the upgrade request, and `auth` from the client's CONNECT. Same members as Socket.IO's. */
export interface Handshake {
  /** Lower-case names. Only those of `handshakeHeaders` (see ServerOptions): they are stored. */
  headers: IncomingHttpHeaders;
  /** When the socket was created, as `Date` prints it. */
  time: string;
  /** The client's IP address, as API Gateway saw it. */
  address: string;
  xdomain: boolean;
  secure: boolean;
  /** When the socket was created, in milliseconds since the epoch. */
  issued: number;
  url: string;
  query: ParsedUrlQuery;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the client sent; the application has to check it anyway
  auth: { [key: string]: any };
}

/** The part that is known, and stored, at $connect. */
export interface UpgradeDetails
  extends Pick<Handshake, "headers" | "address" | "xdomain" | "secure" | "url" | "query"> {
  /** What engine middlewares put on the request (`request.user`). */
  readonly extras?: Readonly<Record<string, unknown>>;
}

/** Written by ourselves at $connect, and read back. */
export const upgradeOf = (connection: ConnectionRecord): UpgradeDetails => JSON.parse(connection.handshake);

export function handshakeOf(connection: ConnectionRecord, auth: Json): Handshake {
  const { extras: _, ...upgrade } = upgradeOf(connection);
  return {
    ...upgrade,
    time: String(new Date(connection.connectedAt)),
    issued: connection.connectedAt,
    auth: JSON.parse(auth),
  };
}
