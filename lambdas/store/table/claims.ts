import { randomBytes } from "node:crypto";
import type { Written } from "./table.ts";

/** Makes a token for one call of one method; also names aside items. 72 random bits. */
export function newToken(): string {
  return randomBytes(9).toString("base64url");
}

/**
 * Did this call win the race that its conditional write decided? Normally the write says so. But when the SDK sent the request
 * twice because the first response was lost, the second sending meets what the first one wrote and is refused: then nobody
 * would act. So each such write leaves a token of its call in the row, and only a refused *and resent* write costs one more
 * read to look whose token is there.
 *
 * @param readOwner reads the token that stands in the row now
 */
export async function isWinner(
  written: Written,
  token: string,
  readOwner: () => Promise<string | undefined>,
): Promise<boolean> {
  if (written.ok) return true;
  return written.resent && (await readOwner()) === token;
}
