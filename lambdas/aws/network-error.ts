/** Of Node's sockets and of undici. A kept-alive one that died while Lambda was frozen shows as ECONNRESET or EPIPE. */
const NETWORK_CODES: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);

/** The way to the service failed; the request may have been done all the same. */
export function isNetworkError(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  if ("code" in error && typeof error.code === "string" && NETWORK_CODES.has(error.code)) return true;
  // A name with several addresses, none of which answers: the codes are in the parts.
  return (
    "errors" in error &&
    Array.isArray(error.errors) &&
    error.errors.length > 0 &&
    error.errors.every(isNetworkError)
  );
}
