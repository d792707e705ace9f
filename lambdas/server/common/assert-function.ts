/**
 * What an application registers has to be callable: said where it is registered, as by Node's EventEmitter, and not by whatever
 * calls it in a later event.
 * @throws TypeError
 */
export function assertFunction(what: "listener" | "middleware", value: unknown): void {
  if (typeof value === "function") return;
  const got = value === null || value === undefined ? String(value) : `${typeof value} (${String(value)})`;
  throw Object.assign(new TypeError(`The "${what}" argument must be of type function. Received ${got}`), {
    code: "ERR_INVALID_ARG_TYPE",
  });
}
