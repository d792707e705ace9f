import type { DisconnectReason } from "../ports/sockets.ts";

const REASONS: Readonly<Record<DisconnectReason, true>> = {
  "transport error": true,
  "transport close": true,
  "forced close": true,
  "ping timeout": true,
  "parse error": true,
  "server shutting down": true,
  "forced server close": true,
  "client namespace disconnect": true,
  "server namespace disconnect": true,
};

export function isDisconnectReason(value: string): value is DisconnectReason {
  return Object.hasOwn(REASONS, value);
}
