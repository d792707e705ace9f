import { setTimeout as pause } from "node:timers/promises";
import { type ChaosSettings, mulberry32 } from "../../infra/local/chaos.ts";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { type Cut, SoakClient } from "./client.ts";
import { type Change, type Emit, Ledger, now } from "./ledger.ts";
import { type Counts, judge, lostLetters, lostOf } from "./verdict.ts";

/** All that AWS may do, at once. Clocks of two instances are at most 50 ms apart, which recovery allows for. */
export const EVERYTHING: Partial<ChaosSettings> = {
  loseDisconnect: 0.3,
  throttle: 0.005,
  staleGone: 0.02,
  deadOk: 0.7,
  crashBeforeCall: 0.002,
  crashAfterCall: 0.002,
  freeze: 0.003,
  freezeMs: 1_000,
  reorderFramesMs: 30,
  reorderPostsMs: 15,
  lateDisconnectMs: 1_500,
  earlyDisconnectMs: 100,
  lateOpenMs: 60,
  clockSkewMs: 25,
};

const ROOMS = ["a", "b", "c"];
const INBOXES = ["x", "y"];
/** The last that is owed must be there after this, in milliseconds. */
const DRAIN_MS = 30_000;
/** No client does anything later than this after it began, in milliseconds: what is slow is judged all the same. */
const LONGEST_MS = 10 * 60_000;

export interface RoundOptions {
  readonly cloud: LocalCloud;
  readonly seed: number;
  /** Recovered sessions after which it ends. */
  readonly cycles: number;
  readonly clients?: number;
  readonly chaos?: Partial<ChaosSettings>;
  /** Gives it what a function of the cloud logs, for as long as the round lasts. */
  listen(take: (line: string) => void): () => void;
}

export interface RoundResult {
  readonly counts: Counts;
  /** Of everything that was lost, for people. */
  readonly details: readonly string[];
}

/**
 * Clients of one application that join, leave, emit, are cut off and come back, all at once and with chaos; then the chaos ends, all
 * come back once more, and what each has got is compared with what it is owed.
 */
export async function playRound(options: RoundOptions): Promise<RoundResult> {
  const { cloud, seed, cycles, clients: count = 8, chaos = EVERYTHING } = options;
  const ledger = new Ledger();
  const forget = options.listen((line) => ledger.take(line));
  const random = mulberry32(seed);
  const ids = { next: 0 };
  const clients = Array.from({ length: count }, (_, i) => {
    // Two devices of one person have the same inbox.
    const inbox = INBOXES[i % (2 * INBOXES.length)];
    return new SoakClient(cloud, `client ${i}`, ledger, inbox === undefined ? [] : [inbox]);
  });
  try {
    cloud.chaos.set(chaos);
    const until = now() + LONGEST_MS;
    const over = (): boolean => now() > until || sumOf(clients) >= cycles;
    await Promise.all(
      clients.map((client) =>
        new Player({ client, clients, ledger, random: mulberry32(random() * 2 ** 32), ids }).play(over),
      ),
    );
    cloud.chaos.off();
    const ended = await drain(ledger, clients);
    return { counts: judge(ledger, clients), details: [...ended, ...detailsOf(ledger, clients)] };
  } finally {
    cloud.chaos.off();
    for (const client of clients) client.stop();
    forget();
  }
}

const sumOf = (clients: readonly SoakClient[]): number =>
  clients.reduce((sum, { resumes }) => sum + resumes, 0);

/** All come back once more: what was posted into dead connections comes now or never. */
async function drain(ledger: Ledger, clients: readonly SoakClient[]): Promise<string[]> {
  const connected = async (): Promise<void> => {
    for (const client of clients) await client.whenConnected();
  };
  await connected();
  // Emits whose instance is alive are over by then; the others are not owed.
  await ledger.until(() => [...ledger.emits.values()].every(({ resolved }) => resolved), 3_000);
  const before = clients.map(({ session }) => session?.resumes.length ?? 0);
  for (const client of clients) client.cut("terminated");
  const back = (): boolean =>
    clients.every(({ connected: is, session }, i) => is && (session?.resumes.length ?? 0) > (before[i] ?? 0));
  const returned = await ledger.until(back, DRAIN_MS);
  const nothing = (): boolean =>
    lostLetters(ledger, clients).length === 0 &&
    clients.every(({ session }) => session && lostOf(ledger, session).length === 0);
  await ledger.until(nothing, DRAIN_MS);
  return returned ? [] : ["not all clients have come back"];
}

function detailsOf(ledger: Ledger, clients: readonly SoakClient[]): string[] {
  return clients.flatMap(({ name, session }) => {
    if (!session) return [`${name} has no session`];
    const resumes = session.resumes
      .map(({ cut, back, last }) => `${cut | 0}–${back | 0} after ${last}`)
      .slice(-6);
    return lostOf(ledger, session).map(
      ({ id, rooms, except, called, resolved = 0 }) =>
        `${name} (${session.sid}) lost ${id}, to [${rooms}] but [${except}], ${called | 0}–${resolved | 0}; it came back ${resumes}; got after it ${session.received.filter((one) => one > id).slice(0, 5)}; joined ${stays(session.joins, rooms)}; left ${stays(session.leaves, rooms)}`,
    );
  });
}

const stays = (changes: readonly Change[], rooms: readonly string[]): string[] =>
  changes
    .filter(({ room }) => rooms.length === 0 || rooms.includes(room))
    .map(
      ({ room, began, resolved }) => `${room} ${began | 0}–${resolved === undefined ? "?" : resolved | 0}`,
    );

interface PlayerOptions {
  readonly client: SoakClient;
  readonly clients: readonly SoakClient[];
  readonly ledger: Ledger;
  readonly random: () => number;
  readonly ids: { next: number };
}

/** What one client does. */
class Player {
  readonly #client: SoakClient;
  readonly #clients: readonly SoakClient[];
  readonly #ledger: Ledger;
  readonly #random: () => number;
  readonly #ids: { next: number };
  /** How often what it does is a cut. */
  readonly #cuts: number;

  constructor({ client, clients, ledger, random, ids }: PlayerOptions) {
    this.#client = client;
    this.#clients = clients;
    this.#ledger = ledger;
    this.#random = random;
    this.#ids = ids;
    // Some are there nearly always, so that there is something to miss.
    this.#cuts = clients.indexOf(client) % 4 === 0 ? 0.03 : 0.5;
  }

  async play(over: () => boolean): Promise<void> {
    while (!over()) {
      await pause(this.#random() * 250);
      // Now and then it does something while it is away: what it emits is sent when it is back.
      if (!this.#client.connected && this.#random() < 0.9) await this.#client.whenConnected();
      if (this.#random() < this.#cuts) await this.#cut();
      else await this.#act();
    }
  }

  /** Waits for most answers, else whoever is cut off often would never have been heard. */
  async #act(): Promise<void> {
    const what = this.#random();
    if (what < 0.01) this.#client.quit();
    const answer = what < 0.75 ? this.#say() : this.#change(what < 0.9 ? "join" : "leave");
    if (this.#random() < 0.7) await answer;
  }

  async #say(): Promise<void> {
    const { session } = this.#client;
    if (!session) return;
    const handler = this.#ledger.handler();
    const plans = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => this.#plan(session.sid));
    for (const { id, by, rooms, except } of plans) {
      const [inbox = ""] = rooms;
      if (by === "inbox") this.#ledger.letter({ id, inbox });
      const all = by === "socket" ? [...except, session.sid] : except;
      const emit: Emit = { id, rooms, except: all, handler, called: now(), runs: 0 };
      if (by === "io" || by === "socket" || by === "self") this.#ledger.emit(emit);
    }
    await this.#client.ask("say", session.sid, plans);
  }

  #plan(sid: string): { id: number; by: string; rooms: string[]; except: string[] } {
    const id = ++this.#ids.next;
    const kind = this.#random();
    const rooms = ["lobby", ...ROOMS, this.#someone()].filter(() => this.#random() < 0.4);
    const except = [...ROOMS, this.#someone()].filter(() => this.#random() < 0.1);
    if (kind < 0.15) return { id, by: "self", rooms: [sid], except: [] };
    if (kind < 0.25) return { id, by: "volatile", rooms: [], except: [] };
    if (kind < 0.4) return { id, by: "inbox", rooms: [this.#one(INBOXES)], except: [] };
    return { id, by: kind < 0.7 ? "socket" : "io", rooms, except };
  }

  /** The id of a client, which is a room of its own. */
  #someone(): string {
    return this.#one(this.#clients).session?.sid ?? "nobody";
  }

  #one<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T;
  }

  async #change(what: "join" | "leave"): Promise<void> {
    const { session } = this.#client;
    if (!session) return;
    const change = { room: this.#one(ROOMS), began: now() };
    const id = ++this.#ids.next;
    session[what === "join" ? "joins" : "leaves"].push(change);
    this.#ledger.change(id, change);
    await this.#client.ask(what, session.sid, id, change.room);
  }

  /** Often once more before everything that was missed is there. */
  async #cut(): Promise<void> {
    const cuts: readonly Cut[] = ["closed", "terminated", "unnoticed"];
    this.#client.cut(this.#one(cuts), this.#random() * 3_000);
    if (this.#random() > 0.3) return;
    if (!(await this.#client.whenConnected())) return;
    await pause(this.#random() * 100);
    this.#client.cut(this.#one(cuts), this.#random() * 3_000);
  }
}
