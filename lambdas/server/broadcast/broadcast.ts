import { fanOut } from "../fan-out/fan-out.ts";
import type { FanOut } from "../fan-out/message.ts";
import type { Invocation, Step } from "../invocation/invocation.ts";
import type { FanOuts } from "../ports/fan-out.ts";
import type { Member, RoomName } from "../ports/rooms.ts";
import { EVERYONE } from "../ports/rooms.ts";
import {
  type EventPacket,
  type PostedToAll,
  postToAll,
  type Receiver,
  toReceiver,
  withoutTheSlow,
} from "../posting/post-to-all.ts";
import { finishLogs, putInLogs } from "../recovery/log.ts";
import { withoutReturned } from "../recovery/returned.ts";
import { stamped } from "./event-packet.ts";
import { membersInOrder } from "./members-in-order.ts";

/** To whom: no rooms means everyone in the namespace; members of `except` are left out, in whatever room they are. */
export interface Audience {
  readonly nsp: string;
  readonly rooms: ReadonlySet<string>;
  readonly except: ReadonlySet<string>;
}

/**
 * The step of an emit: finds the members now, posts to them beside the steps that follow. Where there are too many for one
 * invocation, it finds out how many there are about, and workers do the rest.
 */
export function broadcast(
  invocation: Invocation,
  audience: Audience,
  packet: EventPacket,
): Promise<Step<void>> {
  const { fanOuts } = invocation.ports;
  if (fanOuts) return broadcastToMany(invocation, fanOuts, audience, packet);
  return logged(invocation, audience, packet, async (sent) =>
    postToAll(invocation, (await resolveMembers(invocation, audience)).map(toReceiver), sent),
  );
}

/**
 * The same for one socket, in an event of its own, and receivers that are known by other means than the rows of their rooms. Who
 * sends to itself waits until it has been taken, however slowly: a loop that awaits its emits is as fast as its client reads.
 */
export function sendTo(
  invocation: Invocation,
  audience: Audience,
  packet: EventPacket,
  receivers: () => Promise<readonly Receiver[]>,
): Promise<Step<void>> {
  return logged(invocation, audience, packet, async (sent) => {
    const { missed } = postToAll(invocation, await receivers(), sent);
    return { missed, sent: missed.then(() => true) };
  });
}

/** What becomes of a packet after its members have been read. */
type Outcome = PostedToAll | { readonly fannedOut: Promise<void> };

/** With recovery on, before and after the posts comes what a client needs to get the packet later. */
async function logged(
  invocation: Invocation,
  audience: Audience,
  packet: EventPacket,
  send: (packet: EventPacket) => Promise<Outcome>,
): Promise<Step<void>> {
  const sent = stamped(invocation, packet);
  const { frames, log } = sent;
  const entry = log && { ...audience, rooms: roomsOf(audience), frames, log };
  if (entry) await putInLogs(invocation, entry);
  const outcome = await send(sent);
  if ("fannedOut" in outcome) return { rest: outcome.fannedOut };
  const whole = outcome.missed.then((missed) => entry && finishLogs(invocation, entry, missed));
  invocation.inFlight.note(whole);
  return { rest: withoutTheSlow(invocation, outcome, whole) };
}

function broadcastToMany(
  invocation: Invocation,
  fanOuts: FanOuts,
  audience: Audience,
  packet: EventPacket,
): Promise<Step<void>> {
  return logged(invocation, audience, packet, async (sent) => {
    const rooms = roomsOf(audience);
    const { nsp, except } = audience;
    // One more than are posted to here: a room that has not so many is read in one page.
    const pageSize = invocation.fanOutThreshold + 1;
    const since = invocation.ports.clock.now();
    const first: Member[] = [];
    const receivers = async () =>
      (await withoutReturned(invocation.ports.store, { nsp, except, since }, first)).map(toReceiver);
    for await (const member of membersInOrder(fanOuts.store, { nsp, rooms, except, range: {}, pageSize })) {
      if (first.length < invocation.fanOutThreshold) {
        first.push(member);
        continue;
      }
      const plan: FanOut = { nsp, rooms, except, packet: sent, first: await receivers(), next: member.id };
      const { sent: fannedOut } = await fanOut(invocation, fanOuts, plan);
      return { fannedOut };
    }
    return postToAll(invocation, await receivers(), sent);
  });
}

function roomsOf({ rooms }: Audience): RoomName[] {
  return rooms.size === 0 ? [EVERYONE] : [...rooms];
}

/** Who is in the audience, each socket once. */
export async function resolveMembers(invocation: Invocation, audience: Audience): Promise<readonly Member[]> {
  const { store, clock } = invocation.ports;
  const since = clock.now();
  const list = (room: RoomName): Promise<Member[]> => listAll(invocation, audience.nsp, room);
  const [included, excluded] = await Promise.all([
    Promise.all(roomsOf(audience).map(list)),
    Promise.all([...audience.except].map(list)),
  ]);
  const members = new Map(included.flat().map((member) => [member.id, member]));
  for (const { id } of excluded.flat()) members.delete(id);
  return await withoutReturned(store, { ...audience, since }, [...members.values()]);
}

async function listAll(invocation: Invocation, nsp: string, room: RoomName): Promise<Member[]> {
  const members: Member[] = [];
  for await (const page of invocation.ports.store.listMembers(nsp, room)) members.push(...page);
  return members;
}
