/** Milliseconds. A function that starts cold needs a second or two; after ten the answer is lost. */
const PATIENCE = 10_000;

/**
 * Asks the server and waits for its answer, which is never an exception: `{ ok: true, … }` or `{ ok: false, reason }`,
 * also when the connection is gone or no answer comes.
 */
export async function ask(socket, event, ...args) {
  if (!socket.connected) return { ok: false, reason: "There is no connection right now." };
  try {
    return await socket.timeout(PATIENCE).emitWithAck(event, ...args);
  } catch {
    return { ok: false, reason: "No answer came. The connection may be gone." };
  }
}
