import { coreOf } from "../../server/application/replay.ts";
import type { NamespaceCore } from "../../server/declared/namespace-core.ts";
import { endSocket } from "../../server/ending/ending.ts";
import type { SocketRecord } from "../../server/ports/sockets.ts";
import { connectNote, endNote } from "../../server/socket/shared-notes.ts";
import type { PacketContext } from "../context.ts";

/** What becomes of shared variables with a CONNECT. */
export interface SharedInConnect {
  /** The commit remembers that its listeners have run. */
  note(socketId: string): void;
  putBack(): void;
  /** Nothing is left of one that failed. Where its `disconnect` listeners have run, they have seen to that. */
  undo(socketId: string): void;
}

const SHARES_NOTHING: SharedInConnect = {
  note: () => undefined,
  putBack: () => undefined,
  undo: () => undefined,
};

/** @param old a socket that has left the namespace, whose place the new one takes */
export async function sharedBefore(
  { invocation, connection }: PacketContext,
  nsp: NamespaceCore,
  old: SocketRecord | undefined,
): Promise<SharedInConnect> {
  const tenure = invocation.tenures.heldOf(nsp.shared);
  if (!tenure) return SHARES_NOTHING;
  if (old?.unshared) {
    const socket = coreOf(invocation, nsp, { connection, socket: old });
    await endSocket(socket, old.bye ?? "transport close");
  }
  const before = tenure.capture();
  const putBack = (): void => tenure.putBack(before);
  return {
    note: (socketId) => tenure.note(connectNote(socketId)),
    putBack,
    undo: (socketId) => (tenure.isNoted(endNote(socketId)) ? undefined : putBack()),
  };
}
