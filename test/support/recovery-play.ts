import fc from "fast-check";
import { EVERYONE, type Member } from "../../lambdas/server/ports/rooms.ts";
import type { Store } from "../../lambdas/server/ports/store.ts";
import { application, type Plan } from "./recovery-application.ts";
import { type Cut, RecoveryClient } from "./recovery-client.ts";
import { EVERYBODY, Ledger } from "./recovery-ledger.ts";
import { type Counts, type Sharpness, Verdict, wrongReturns } from "./recovery-verdict.ts";
import { seedCrypto } from "./seeded-crypto.ts";
import { type CloudOptions, type Faults, NO_FAULTS, SimulatedCloud } from "./simulated-cloud.ts";
import { Life, Simulation } from "./simulation.ts";

/** What one client does next. */
export type Operation =
  | { readonly do: "join" | "leave"; readonly room: string }
  | { readonly do: "say"; readonly plans: readonly Omit<Plan, "n">[]; readonly toOther: boolean }
  | { readonly do: "cut"; readonly cut: Cut; readonly again: readonly (Cut & { readonly afterMs: number })[] }
  | { readonly do: "quit" }
  | { readonly do: "wait"; readonly ms: number };

export interface Schedule {
  readonly seed: number;
  readonly skipMiddlewares: boolean;
  readonly scripts: readonly (readonly Operation[])[];
}

const room = fc.constantFrom("a", "b", "lobby");
const plan = fc.record({
  by: fc.constantFrom<Plan["by"]>("io", "io", "socket", "self"),
  rooms: fc.constantFrom<readonly string[]>(["a"], ["b"], ["lobby"], ["a", "b"], ["a", "b", "lobby"], []),
  except: fc.constantFrom<readonly string[]>([], [], [], ["a"], ["b"]),
});
const cutAt = (longestMs: number): fc.Arbitrary<Cut> =>
  fc.record({
    gatewayMs: fc.oneof(fc.constant(0), fc.nat(longestMs)),
    clientMs: fc.oneof(fc.constant(0), fc.nat(longestMs)),
  });

export interface ScriptOptions {
  /** How long a cut may remain unnoticed, in milliseconds; 0: everybody knows at once. */
  readonly unnoticedMs: number;
  /** Cuts may follow each other, in the middle of a resume. */
  readonly again: boolean;
  readonly quits: boolean;
  /** The longest wait between operations, in milliseconds. */
  readonly waitMs: number;
  /** Nothing but emits to rooms where everybody is, and cuts: where offsets are close together. */
  readonly dense?: boolean;
}

const densePlan = fc.record({
  by: fc.constantFrom<Plan["by"]>("io", "io", "io", "self"),
  rooms: fc.constantFrom<readonly string[]>(["lobby"], [], ["a", "lobby"]),
  except: fc.constant<readonly string[]>([]),
});

/** Scripts of two or three clients. */
export function schedules({
  unnoticedMs,
  again,
  quits,
  waitMs,
  dense = false,
}: ScriptOptions): fc.Arbitrary<Schedule> {
  const cut = cutAt(unnoticedMs);
  const next = fc.tuple(cut, fc.nat(dense ? 1_500 : 400)).map(([one, afterMs]) => ({ ...one, afterMs }));
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    { weight: dense ? 0 : 3, arbitrary: fc.record({ do: fc.constant("join" as const), room }) },
    { weight: dense ? 0 : 1, arbitrary: fc.record({ do: fc.constant("leave" as const), room }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("say" as const),
        plans: fc.array(dense ? densePlan : plan, { minLength: 1, maxLength: 3 }),
        toOther: dense ? fc.constant(false) : fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("cut" as const),
        cut,
        again: again ? fc.array(next, { maxLength: 2 }) : fc.constant([]),
      }),
    },
    { weight: quits ? 1 : 0, arbitrary: fc.record({ do: fc.constant("quit" as const) }) },
    {
      weight: waitMs > 0 ? 2 : 0,
      arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(waitMs) }),
    },
  );
  return fc.record({
    seed: fc.nat(),
    skipMiddlewares: fc.boolean(),
    scripts: fc.array(fc.array(operation, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 3 }),
  });
}

export interface StormOptions {
  /** Resumes are cut off in their middle too. */
  readonly again: boolean;
  /** The longest wait between two events, in milliseconds. */
  readonly waitMs: number;
  /** Emits in one handler at most. */
  readonly plans: number;
}

/**
 * Two clients that emit to everybody without end, while the first is cut off again and again: what comes at the same time as
 * an offset is made, or as a resume is going on, is what the rules are about.
 */
export function storms({ again, waitMs, plans }: StormOptions): fc.Arbitrary<Schedule> {
  const wait = (ms: number): Operation => ({ do: "wait", ms });
  const plan = fc.constantFrom<Omit<Plan, "n">>(
    { by: "io", rooms: ["lobby"], except: [] },
    { by: "io", rooms: [], except: [] },
  );
  const emitter = fc
    .array(fc.tuple(fc.array(plan, { minLength: plans - 2, maxLength: plans }), fc.nat(waitMs)), {
      minLength: 4,
      maxLength: 8,
    })
    .map((all) =>
      all.flatMap(([plans, ms]): Operation[] => [{ do: "say", plans, toOther: false }, wait(ms)]),
    );
  const cut = fc.nat(3).map((afterEvents) => ({ gatewayMs: 0, clientMs: 0, afterEvents, afterMs: 0 }));
  const receiver = fc
    .array(fc.tuple(fc.nat(2 * waitMs), cut, again ? fc.array(cut, { maxLength: 2 }) : fc.constant([])), {
      minLength: 2,
      maxLength: 3,
    })
    .map((all) =>
      all.flatMap(([ms, one, more]): Operation[] => [wait(ms), { do: "cut", cut: one, again: more }]),
    );
  return fc.record({
    seed: fc.nat(),
    skipMiddlewares: fc.constant(true),
    scripts: fc.tuple(receiver, emitter, emitter),
  });
}

export interface PlayOptions extends CloudOptions {
  readonly faults: Faults;
  /** Operations are one after the other, whoever's they are, with so long between them, in milliseconds. */
  readonly spacedMs?: number;
  /** How long clients are connected before they do anything, in milliseconds. */
  readonly agedMs?: number;
  readonly tickMs?: number;
  /** Delays of clients before they connect again, in milliseconds. */
  readonly reconnectMs?: readonly number[];
}

/** One schedule: a cloud, its clients, and what the ledger knows of them. */
export class Play {
  readonly simulation: Simulation;
  readonly ledger: Ledger;
  readonly cloud: SimulatedCloud;
  readonly clients: readonly RecoveryClient[];
  readonly #schedule: Schedule;
  readonly #options: PlayOptions;

  constructor(schedule: Schedule, options: PlayOptions) {
    this.#schedule = schedule;
    this.#options = options;
    seedCrypto(schedule.seed);
    this.simulation = new Simulation(schedule.seed, { tickMs: options.tickMs ?? 2 });
    this.ledger = new Ledger(this.simulation);
    const app = application(this.ledger, schedule.skipMiddlewares);
    this.cloud = new SimulatedCloud(this.simulation, app, options.faults, { pageSize: 2, ...options });
    observe(this.cloud.store, this.ledger);
    const { reconnectMs } = options;
    this.clients = schedule.scripts.map(
      () => new RecoveryClient(this.simulation, this.cloud, this.ledger, reconnectMs),
    );
  }

  /** Plays the scripts until nothing happens any more. */
  async scripts(): Promise<void> {
    for (const [index, client] of this.clients.entries()) {
      client.start();
      if (this.#options.spacedMs === undefined)
        void this.#follow(client, this.#schedule.scripts[index] ?? []);
    }
    if (this.#options.spacedMs !== undefined) void this.#followInTurn(this.#options.spacedMs);
    await this.simulation.run();
  }

  /** Everybody is cut off once more and comes back, without faults; then everybody speaks to everybody. */
  async comeBack(): Promise<void> {
    this.cloud.faults = NO_FAULTS;
    for (const client of this.clients) client.cut({ gatewayMs: 0, clientMs: 0 });
    await this.simulation.run();
    for (const client of this.clients) {
      client.say([{ n: this.ledger.number(), by: "io", rooms: [], except: [] }]);
    }
    await this.simulation.run();
  }

  async #follow(client: RecoveryClient, script: readonly Operation[]): Promise<void> {
    const { agedMs = 0 } = this.#options;
    const clock = this.simulation.clock(new Life());
    await client.whenConnected();
    if (agedMs > 0) await clock.sleep(agedMs);
    for (const operation of script) {
      await this.simulation.point(new Life());
      await this.#perform(client, operation);
    }
  }

  /** One operation after the other, whoever's. */
  async #followInTurn(spacedMs: number): Promise<void> {
    const { scripts } = this.#schedule;
    const longest = Math.max(...scripts.map(({ length }) => length));
    for (let at = 0; at < longest; at++) {
      for (const [index, client] of this.clients.entries()) {
        const operation = scripts[index]?.[at];
        if (operation) await this.#perform(client, operation);
        await this.simulation.clock(new Life()).sleep(spacedMs);
      }
    }
  }

  async #perform(client: RecoveryClient, operation: Operation): Promise<void> {
    if (operation.do === "wait") return await this.simulation.clock(new Life()).sleep(operation.ms);
    await client.whenConnected();
    switch (operation.do) {
      case "join":
      case "leave":
        return client.change(operation.do, operation.room);
      case "say": {
        const { plans, toOther } = operation;
        const other = this.clients.find((one) => one !== client)?.session?.sid;
        const toRooms = (rooms: readonly string[]) =>
          toOther && other && rooms.length === 1 ? [other] : rooms;
        return client.say(
          plans.map((one) => ({ ...one, n: this.ledger.number(), rooms: toRooms(one.rooms) })),
        );
      }
      case "cut":
        return client.cut(operation.cut, operation.again);
      case "quit":
        return client.quit();
    }
  }

  /** What is wrong so far: nothing. */
  async wrongs(sharpness: Sharpness, counts: Counts): Promise<string[]> {
    const live = await Promise.all(this.clients.map((client) => this.#isLive(client)));
    return this.clients.flatMap((client, index) => [
      ...client.sessions.flatMap((session) => {
        const verdict = new Verdict(this.ledger, session, sharpness, counts);
        const tell = (what: string, numbers: number[]) =>
          numbers.map((n) => `client ${index}, ${session.sid}: ${n} ${what}`);
        const settled = session === client.session && live[index];
        return [
          ...(settled ? tell("is lost", verdict.lost()) : []),
          ...tell("is not its own", verdict.alien()),
          ...tell("is out of order", verdict.disordered()),
          ...tell("came twice", verdict.repeated()),
        ];
      }),
      ...wrongReturns(this.ledger, client),
      ...(client.early > 0 ? [`client ${index}: an event came before 40`] : []),
      ...(client.refusals > 0 ? [`client ${index}: it was refused`] : []),
    ]);
  }

  /** A client whose resume has died, or whose connection was not ended because of that, waits until it is cut off. */
  async #isLive({ session, connected, connection }: RecoveryClient): Promise<boolean> {
    if (!session || !connected || this.cloud.lostTasks > 0) return false;
    // Who stays connected does not get it; the emitter is told, and whoever resumes gets it.
    if (this.cloud.log.some((line) => line.startsWith("SKY_FAN_OUT_LATE"))) return false;
    const row = await this.cloud.store.readSession(session.pid);
    return row?.connectionId === connection?.id && row?.state === "live";
  }

  /** At rest: every client is connected, its session live, and nothing is held back. */
  async unrest(): Promise<string[]> {
    const members = await this.#members();
    const wrongs: string[] = [];
    for (const client of this.clients) {
      const { session, connection } = client;
      if (!session || !client.connected || !connection) {
        wrongs.push("a client is not connected");
        continue;
      }
      const row = await this.cloud.store.readSession(session.pid);
      if (row?.connectionId !== connection.id || row.state !== "live") {
        wrongs.push(`the session of ${session.sid} is ${JSON.stringify(row)}`);
      }
      const own = members.filter(({ id }) => id === session.sid);
      // A leave that died leaves a row of before, which the next broadcast finds and deletes.
      const socket = await this.cloud.store.readSocket({ connectionId: connection.id, nsp: "/" });
      for (const { hold, room: name, connectionId } of own) {
        if (typeof name === "string" && socket?.rooms[name] === undefined) continue;
        if (hold !== undefined) wrongs.push(`${session.sid} is held in ${String(name)}`);
        if (connectionId !== connection.id) wrongs.push(`${session.sid} is elsewhere in ${String(name)}`);
      }
    }
    return wrongs;
  }

  async #members(): Promise<Member[]> {
    const all: Member[] = [];
    const own = this.clients.flatMap(({ session }) => (session ? [session.sid] : []));
    for (const name of ["a", "b", "lobby", EVERYONE, ...own] as const) {
      for await (const page of this.cloud.store.listMembers("/", name)) all.push(...page);
    }
    return all;
  }
}

/** Notes what only the store is told: who came into which room, who missed what, and when a resume has come to its end. */
function observe(store: Store, ledger: Ledger): void {
  const { addRooms, finishLog, goLive, openSocket, putLog } = store;
  const frames = new Map<string, readonly string[]>();
  store.putLog = (row, expiresAt) => {
    frames.set(row.id, row.frames);
    return putLog(row, expiresAt);
  };
  store.finishLog = async (row) => {
    await finishLog(row);
    const [frame = "42[0,0]"] = frames.get(row.id) ?? [];
    const [, n] = JSON.parse(frame.slice(2)) as [string, number];
    ledger.finished(n, row.room === EVERYONE ? EVERYBODY : row.room, row.missed);
  };
  store.openSocket = async (key, id, commit) => {
    const opened = await openSocket(key, id, commit);
    if (opened) ledger.added(id, [...Object.keys(commit.rooms), EVERYBODY]);
    return opened;
  };
  store.addRooms = async (key, id, rooms) => {
    const added = await addRooms(key, id, rooms);
    if (added) ledger.added(id, Object.keys(rooms));
    return added;
  };
  store.goLive = async (session) => {
    const live = await goLive(session);
    if (live) ledger.wentLive.set(session.pid, [...(ledger.wentLive.get(session.pid) ?? []), ledger.now()]);
    return live;
  };
}
