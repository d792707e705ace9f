import { createHash } from "node:crypto";

/** Hex SHA-256, as it stands in `x-amz-content-sha256`. */
export function hashOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}
