import { Offsets } from "../../lambdas/server/common/offsets.ts";
import { EVERYONE, type RoomName } from "../../lambdas/server/ports/rooms.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import { CatchUp } from "../../lambdas/server/recovery/catch-up.ts";
import { joinToken, MembershipHistory } from "../../lambdas/server/recovery/membership-history.ts";
import { createMemoryStore } from "../../lambdas/store/memory/store.ts";
import { seedCrypto } from "./seeded-crypto.ts";
import { Life, Simulation } from "./simulation.ts";

const LONG_MS = 60 * 60 * 1_000;

/** The store's log, with a point at which others may go first at each of its calls. */
function scheduled(simulation: Simulation, store: Store, life: Life): Pick<Store, "listLog" | "putLog"> {
  return {
    async putLog(...args) {
      await simulation.point(life);
      await store.putLog(...args);
    },
    async *listLog(...args) {
      await simulation.point(life);
      yield* store.listLog(...args);
    },
  };
}

/**
 * One emitter sends to one room, then to another, and so on, while a resume reads the logs of both.
 * @returns positions of what the resume has posted, in its order: `[0, 1, 2]` and so on if nothing overtook anything
 */
export async function raceOfRooms(
  seed: number,
  rooms: readonly RoomName[],
  mutate: (log: Pick<Store, "listLog">) => Pick<Store, "listLog">,
): Promise<number[]> {
  seedCrypto(seed);
  const simulation = new Simulation(seed);
  const store = createMemoryStore({ clock: { now: () => simulation.now }, pageSize: 2 });
  const [emitter, reader] = [new Life(), new Life()];
  const clock = simulation.clock(reader);
  const offsets = new Offsets(clock);
  const tokenOf = (room: RoomName): Promise<string> =>
    joinToken(store, { nsp: "/", room, joined: offsets.next(), now: simulation.now });
  const presence = new MembershipHistory({
    id: "socket",
    rooms: { lobby: await tokenOf("lobby") },
    token: await tokenOf(EVERYONE),
  });
  const sent: string[] = [];
  const posted: string[] = [];
  void (async () => {
    const { putLog } = scheduled(simulation, store, emitter);
    for (const room of rooms) {
      const id = offsets.next();
      sent.push(id);
      await putLog({ nsp: "/", room, id, frames: [], except: [] }, simulation.now + LONG_MS);
    }
  })();
  const catchUp = new CatchUp({
    ...{ store: mutate(scheduled(simulation, store, reader)), clock, nsp: "/", socketId: "socket" },
    ...{ offset: undefined, posted: [] },
    post: async ({ id }) => {
      posted.push(id);
      return "posted";
    },
  });
  void catchUp.run(async () => presence);
  await simulation.run();
  return posted.map((id) => sent.indexOf(id));
}
