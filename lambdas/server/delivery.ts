import { describeError } from "./errors.ts";
import type { Invocation, Step } from "./invocation.ts";
import type { Member, RoomName } from "./ports.ts";
import { EVERYONE } from "./ports.ts";

/** To whom: no rooms means everyone in the namespace; members of `except` are left out, in whatever room they are. */
export interface Audience {
  readonly nsp: string;
  readonly rooms: ReadonlySet<string>;
  readonly except: ReadonlySet<string>;
}

/** The step of an emit: finds the members now, posts to them beside the steps that follow. */
export async function broadcast(
  invocation: Invocation,
  audience: Audience,
  frames: readonly string[],
): Promise<Step<void>> {
  const members = await resolveMembers(invocation, audience);
  return { rest: postToAll(invocation, members, frames) };
}

/** Posts to everybody. One who cannot be reached is logged, and is nobody else's business: least of all the sender's. */
export async function postToAll(
  invocation: Invocation,
  members: readonly Member[],
  frames: readonly string[],
): Promise<void> {
  const posts = members.map((member) => invocation.posts.send({ ...member, member }, frames));
  const failures = (await Promise.allSettled(posts)).filter((result) => result.status === "rejected");
  const [first] = failures;
  if (!first) return;
  invocation.ports.log.error(
    "SKY_POST_FAILED",
    `a packet did not reach ${failures.length} of ${members.length} sockets`,
    { first: describeError(first.reason) },
  );
}

/** Who is in the audience, each socket once. */
export async function resolveMembers(invocation: Invocation, audience: Audience): Promise<Member[]> {
  const rooms: RoomName[] = audience.rooms.size === 0 ? [EVERYONE] : [...audience.rooms];
  const list = (room: RoomName): Promise<Member[]> => listAll(invocation, audience.nsp, room);
  const [included, excluded] = await Promise.all([
    Promise.all(rooms.map(list)),
    Promise.all([...audience.except].map(list)),
  ]);
  const members = new Map(included.flat().map((member) => [member.id, member]));
  for (const { id } of excluded.flat()) members.delete(id);
  return [...members.values()];
}

async function listAll(invocation: Invocation, nsp: string, room: RoomName): Promise<Member[]> {
  const members: Member[] = [];
  for await (const page of invocation.ports.store.listMembers(nsp, room)) members.push(...page);
  return members;
}
