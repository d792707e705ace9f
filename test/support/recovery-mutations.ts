import { timeOfOffset } from "../../lambdas/server/common/offsets.ts";
import type { Ports } from "../../lambdas/server/ports/ports.ts";
import type { LogRow, Member } from "../../lambdas/server/ports/rooms.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import { CLOCK_TOLERANCE_MS } from "../../lambdas/server/recovery/membership-history.ts";

type Outside = Pick<Ports, "store" | "tasks" | "gateway">;

/** What one invocation sees in place of the store, the tasks and the gateway when a rule of recovery is switched off. */
export type Mutation = (outside: Outside) => Partial<Outside>;

/** A row does not say who did not take the packet. */
const missed: Mutation = ({ store, tasks }) => ({
  store: { ...store, finishLog: (row) => store.finishLog({ ...row, missed: [] }) },
  tasks,
});

/** A row does not say when all its posts had been answered: it is taken for done when it was made. */
const done: Mutation = (outside) => withRows(outside, (row) => ({ ...row, done: timeOfOffset(row.id) }));

/** Clocks are taken for exact. */
const epsilon: Mutation = (outside) =>
  withRows(outside, ({ done: at, ...row }) => ({
    ...row,
    ...(at !== undefined && { done: at - CLOCK_TOLERANCE_MS }),
  }));

/** Live packets are posted while the missed ones are being sent. */
const hold: Mutation = ({ store, tasks }) => {
  const free = ({ hold: _, ...member }: Member): Member => member;
  return { store: { ...store, holdMember: (member) => store.holdMember(free(member)) }, tasks };
};

/** Rooms are read once: a later reading in the same resume gives what the first gave. */
export function readOnce(store: Pick<Store, "listLog">): Pick<Store, "listLog"> {
  const seen = new Map<unknown, readonly LogRow[]>();
  async function* listLog(
    ...[nsp, room, from, to]: Parameters<Store["listLog"]>
  ): AsyncGenerator<readonly LogRow[]> {
    const before = seen.get(room);
    if (before) return yield before.filter(({ id }) => id >= from);
    const rows: LogRow[] = [];
    for await (const page of store.listLog(nsp, room, from, to)) rows.push(...page);
    seen.set(room, rows);
    yield rows;
  }
  return { listLog };
}

/** A session that goes on keeps the tokens of its memberships: the end of the connection before can delete their rows. */
const renewedTokens: Mutation = ({ store, tasks }) => {
  const old = (token: string): string => token.replace(/\^[0-9a-z]+/g, "");
  const withOld = <T extends { readonly token: string }>(one: T): T => ({ ...one, token: old(one.token) });
  const kept: Partial<Store> = {
    beginSocket: (socket) => store.beginSocket(withOld(socket)),
    openSocket: (key, id, commit) => {
      const rooms = Object.entries(commit.rooms).map(([room, token]) => [room, old(token)]);
      const { token } = commit;
      return store.openSocket(key, id, {
        ...commit,
        rooms: Object.fromEntries(rooms),
        ...(token !== undefined && { token: old(token) }),
      });
    },
    holdMember: (member) => store.holdMember(withOld(member)),
    putMember: (member) => store.putMember(withOld(member)),
    releaseMember: (member) => store.releaseMember(withOld(member)),
    deleteMember: (member) => store.deleteMember(withOld(member)),
  };
  return { store: { ...store, ...kept }, tasks };
};

/** The members are read first, and the log is written then. */
const logFirst: Mutation = ({ store, tasks }) => {
  const waiting: (() => Promise<void>)[] = [];
  const write = async (): Promise<void> => {
    for (const put of waiting.splice(0)) await put();
  };
  async function* listMembers(...args: Parameters<Store["listMembers"]>) {
    yield* store.listMembers(...args);
    await write();
  }
  const kept: Partial<Store> = {
    listMembers,
    putLog: async (row, expiresAt) => {
      waiting.push(() => store.putLog(row, expiresAt));
    },
    finishLog: async (row) => {
      await write();
      await store.finishLog(row);
    },
  };
  return { store: { ...store, ...kept }, tasks };
};

/**
 * That all posts have been answered is noted before the connections that did not take the packet are sure to be ended, and every
 * emitter dies between the two.
 */
const endFirst: Mutation = ({ store, tasks }) => {
  let open = 0;
  return {
    store: {
      ...store,
      putLog: async (row, expiresAt) => {
        open++;
        await store.putLog(row, expiresAt);
      },
      finishLog: async (row) => {
        await store.finishLog(row);
        open--;
      },
    },
    tasks: {
      start: async (task) => {
        if (task.task !== "end" || open === 0) await tasks.start(task);
      },
    },
  };
};

/** A sender is told that a packet is sent while a connection that may not be there yet has not taken it, and dies. */
const owedLater: Mutation = ({ gateway }) => ({
  gateway: {
    ...gateway,
    post: async (connectionId, frame, how) => {
      const answer = await gateway.post(connectionId, frame, how);
      if (answer === "gone") how?.onSlow?.();
      return answer;
    },
  },
});

/** Each rule that can be switched off, by its name. */
export const MUTATIONS = {
  missed,
  done,
  epsilon,
  hold,
  renewedTokens,
  logFirst,
  endFirst,
  owedLater,
} as const satisfies Readonly<Record<string, Mutation>>;

function withRows({ store }: Outside, change: (row: LogRow) => LogRow): Partial<Outside> {
  async function* listLog(...args: Parameters<Store["listLog"]>) {
    for await (const page of store.listLog(...args)) yield page.map(change);
  }
  return { store: { ...store, listLog } };
}
