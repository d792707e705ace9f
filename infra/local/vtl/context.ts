/**
 * What is no string in `$context`, but has some.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
 */
export const CONTEXT_RECORDS = ["authorizer", "error", "identity"] as const;

/** `$context` of a request, in which all is text. What it does not have is empty: AWS does not say so, but so people see it. */
export function contextOf(request: Readonly<Record<string, unknown>>): object {
  const records = CONTEXT_RECORDS.map((name) => [name, texts(isRecord(request[name]) ? request[name] : {})]);
  return texts({ ...request, ...Object.fromEntries(records) });
}

function texts(record: Readonly<Record<string, unknown>>): object {
  const values: Record<string, unknown> = Object.create(null);
  for (const [name, value] of Object.entries(record)) values[name] = isRecord(value) ? value : String(value);
  return new Proxy(values, { get: (target, name) => target[String(name)] ?? "" });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
