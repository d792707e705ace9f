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
  const posts = members.map((member) => invocation.posts.send({ ...member, member }, frames));
  return { rest: allSettled(posts) };
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

/** Everybody is served before a failure of one is reported. */
export async function allSettled(work: readonly Promise<unknown>[]): Promise<void> {
  const failures = (await Promise.allSettled(work)).flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, `${failures.length} of ${work.length} failed`);
}
