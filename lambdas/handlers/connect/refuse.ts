import type { PacketContext } from "../context.ts";

/** The answer to a CONNECT that is let in no further; the connection and its other namespaces go on. */
export async function refuseConnect(
  { invocation, connection, server }: PacketContext,
  nsp: string,
  data: { readonly message: string; readonly data?: unknown },
): Promise<void> {
  await invocation.posts.send(connection, server.codec.encode({ type: "connect_error", nsp, data }));
}
