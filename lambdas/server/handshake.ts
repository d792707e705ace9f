import type { ConnectionRecord, Json } from "./ports.ts";

/** The details of the upgrade request, and `auth` from the client's CONNECT. Same members as Socket.IO's. */
export interface Handshake {
  /** Lower-case names. Only those of `handshakeHeaders` (see ServerOptions): they are stored. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** When the socket was created, as `Date` prints it. */
  readonly time: string;
  /** The client's IP address, as API Gateway saw it. */
  readonly address: string;
  readonly xdomain: boolean;
  readonly secure: boolean;
  /** When the socket was created, in milliseconds since the epoch. */
  readonly issued: number;
  readonly url: string;
  readonly query: Readonly<Record<string, string | string[] | undefined>>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the client sent; the application has to check it anyway
  readonly auth: { readonly [key: string]: any };
}

/** The part that is known, and stored, at $connect. */
export type UpgradeDetails = Pick<Handshake, "headers" | "address" | "xdomain" | "secure" | "url" | "query">;

export function handshakeOf(connection: ConnectionRecord, auth: Json): Handshake {
  const upgrade: UpgradeDetails = JSON.parse(connection.handshake);
  return {
    ...upgrade,
    time: String(new Date(connection.connectedAt)),
    issued: connection.connectedAt,
    auth: JSON.parse(auth),
  };
}
