/** Engine.IO's one-digit packets. @see https://socket.io/docs/v4/engine-io-protocol/ */
const ENGINE = { 1: "Engine.IO close", 2: "Ping", 3: "Pong", 6: "Noop" };
/** Socket.IO's packets, which follow a 4. @see https://socket.io/docs/v4/socket-io-protocol/ */
const SOCKET = {
  0: (nsp) => `Enters ${nsp}`,
  1: (nsp) => `Leaves ${nsp}`,
  2: (nsp, name) => (name === undefined ? `Event in ${nsp}` : `“${name}” in ${nsp}`),
  3: (nsp) => `Acknowledges in ${nsp}`,
  5: (nsp, name) => (name === undefined ? `Binary event in ${nsp}` : `“${name}” with binary in ${nsp}`),
  6: (nsp) => `Acknowledges with binary in ${nsp}`,
};

/** What a client's frame says, in words: `421["message","hi"]` is “message” in /. Frames may hold anything. */
export function describeFrame(body) {
  if (body.startsWith("b")) return "Binary attachment";
  if (!body.startsWith("4")) return ENGINE[body[0]] ?? "Unknown frame";
  const parts = /^4(\d)(?:\d+-)?(?:(\/[^,]*),)?\d*(?:\["((?:[^"\\]|\\.)*)")?/.exec(body);
  const describe = parts && SOCKET[parts[1]];
  return describe ? describe(parts[2] ?? "/", parts[3]) : "Unknown packet";
}
