import { EVERYONE } from "../../server/ports/rooms.ts";
import type { SessionRecord } from "../../server/ports/sessions.ts";
import { CatchUp } from "../../server/recovery/catch-up.ts";
import { MembershipHistory } from "../../server/recovery/membership-history.ts";
import { framesOfLate } from "../../server/recovery/stamp.ts";
import type { SocketCore } from "../../server/socket/socket-core.ts";
import type { HandlerContext } from "../context.ts";

/** No packet is posted later than this before the deadline, in milliseconds: what the listeners do still needs its time. */
const RESERVE_MS = 7_000;
/** Until when another invocation must have gone on, in milliseconds: Lambda's first retry comes after a minute. */
const HAND_OVER_MS = 180_000;

/**
 * Packets that the next invocation is told of, which would post them again: 24 bytes each, of the 256 KB that a task may have. Of
 * more, which are of less than a minute, some come twice.
 */
const MOST_POSTED = 8_000;

/** Where the sending starts. */
export interface MissedFrom {
  readonly offset: string | undefined;
  readonly posted: readonly string[];
}

/**
 * Sends what the client missed, then lets live packets through. Emitters that meet the session meanwhile leave their packets to
 * this resume, and count them; it is over when no more have been left than were known before the logs were read last.
 * What does not fit into this invocation goes on in another.
 */
export async function sendMissed(
  context: Pick<HandlerContext, "deadline">,
  socket: SocketCore,
  from: MissedFrom,
): Promise<void> {
  const { key, id, invocation, nsp } = socket;
  const { store, clock } = invocation.ports;
  const recipient = { connectionId: key.connectionId, connectedAt: socket.connection.connectedAt };
  let over = false;
  const catchUp: CatchUp = new CatchUp({
    ...{ store, clock, nsp: nsp.name, socketId: id, ...from },
    post: async (row) => {
      if (clock.now() > context.deadline - RESERVE_MS) return "stop";
      over = !(await invocation.posts.send(recipient, framesOfLate(row, catchUp.last)));
      return over ? "stop" : "posted";
    },
  });
  const presence = async (): Promise<MembershipHistory | undefined> => {
    const row = await store.readSocket(key);
    if (row?.id === id && row.phase === "open") return new MembershipHistory(row);
    over = true;
    return undefined;
  };
  for (;;) {
    const session = await ownSession(socket);
    if (!session) return; // taken over: the next resume begins where the client is
    if (!(await catchUp.run(presence))) {
      if (!over) await handOver(socket, session, catchUp);
      return;
    }
    if (await store.goLive(session)) break;
  }
  await release(socket);
}

/** The session, if it is still this connection's to resume. */
async function ownSession({ pid = "", key, invocation }: SocketCore): Promise<SessionRecord | undefined> {
  const session = await invocation.ports.store.readSession(pid);
  const own = session?.connectionId === key.connectionId && session.state === "resuming";
  return own ? session : undefined;
}

async function handOver(
  { key, invocation }: SocketCore,
  session: SessionRecord,
  { last, postedLately }: CatchUp,
): Promise<void> {
  const { store, clock, tasks } = invocation.ports;
  const until = clock.now() + HAND_OVER_MS;
  const after = last === undefined ? {} : { after: last };
  const posted = postedLately.slice(-MOST_POSTED);
  // First the task: if this dies before the write, the task finds the session as it was. The other way round nobody would go on.
  await tasks.start({
    task: "resume",
    ...key,
    pid: session.pid,
    ...after,
    posted,
    until,
    was: session.until,
  });
  await store.prolongResume(session, { until });
}

/** From here on emitters post. Those that still see a `hold` look at the session and find it live. */
async function release(socket: SocketCore): Promise<void> {
  const { key, id, nsp, invocation } = socket;
  const { store } = invocation.ports;
  socket.life.endResume();
  const rooms = await store.endResuming(key, id);
  if (!rooms) return; // it has ended, and its member rows with it
  const members = [[EVERYONE, socket.memberships.token] as const, ...Object.entries(rooms)];
  await Promise.all(members.map(([room, token]) => store.releaseMember({ nsp: nsp.name, room, id, token })));
}
