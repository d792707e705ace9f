import type { Session } from "./recovery-client.ts";
import type { Watch } from "./recovery-judge.ts";
import type { Emit, Ledger, Moment } from "./recovery-ledger.ts";
import type { Play } from "./recovery-play.ts";
import { noCounts, type Sharpness, Verdict } from "./recovery-verdict.ts";
import type { SimulatedCloud } from "./simulated-cloud.ts";

/** What lies closer together than this is not decided by comparing times, in milliseconds (recovery/membership-history.ts). */
const TOLERANCE_MS = 100;
const SHARPNESS: Sharpness = { skewMs: 0, once: false };

/** Sums over all schedules of a property. */
export interface FanOutCounts {
  /** Emits that workers posted. */
  fannedOut: number;
  /** Pairs of packets, at one socket, whose order is promised and involves a packet for workers. */
  ordered: number;
  /** Received more than once, by why that may be. */
  failedWorker: number;
  whilePosting: number;
}

export const noFanOutCounts = (): FanOutCounts => ({
  fannedOut: 0,
  ordered: 0,
  failedWorker: 0,
  whilePosting: 0,
});

/**
 * Judges what the verdict of recovery cannot where workers post: the end of an emit is then that of its workers, and order is
 * promised only as docs/architecture/broadcast.md says (Large rooms).
 */
export const watchFanOuts =
  (counts: FanOutCounts, before?: (cloud: SimulatedCloud) => void): Watch =>
  (play) => {
    before?.(play.cloud);
    const fanOuts = observed(play);
    return () => {
      counts.fannedOut += fanOuts.size;
      const sessions = play.clients.flatMap((client) => client.sessions);
      return sessions.flatMap((session) => new FanOutVerdict(play, session, fanOuts, counts).wrongs());
    };
  };

/** When the workers of an emit, by its number, had come to an end; undefined while that is not known. */
type FanOuts = ReadonlyMap<number, Moment | undefined>;

function observed({ cloud: { store }, ledger }: Play): FanOuts {
  const fanOuts = new Map<number, Moment | undefined>();
  const numbers = new Map<string, number>();
  const { putLog, markFannedOut, finishLog } = store;
  store.putLog = (row, expiresAt) => {
    const [name, n] = JSON.parse((row.frames[0] ?? "").slice(2)) as [string, number];
    if (name === "n") numbers.set(row.id, n);
    return putLog(row, expiresAt);
  };
  store.markFannedOut = (row) => {
    const n = numbers.get(row.id);
    if (n !== undefined) fanOuts.set(n, undefined);
    return markFannedOut(row);
  };
  store.finishLog = (row) => {
    const n = numbers.get(row.id);
    if (n !== undefined && fanOuts.has(n)) fanOuts.set(n, ledger.now());
    return finishLog(row);
  };
  return fanOuts;
}

/** Of one session. */
class FanOutVerdict {
  readonly #ledger: Ledger;
  readonly #session: Session;
  readonly #fanOuts: FanOuts;
  readonly #counts: FanOutCounts;
  /** Emits of which a worker has failed: those of its range may be posted to again, a minute later. */
  readonly #failed: ReadonlySet<number>;
  /** An event had no more time to wait for the workers of its packet before. */
  readonly #slow: boolean;

  constructor({ ledger, cloud }: Play, session: Session, fanOuts: FanOuts, counts: FanOutCounts) {
    this.#ledger = ledger;
    this.#session = session;
    this.#fanOuts = fanOuts;
    this.#counts = counts;
    this.#failed = new Set(cloud.failedWorkers.map(({ message }) => numberOf(message?.frames[0])));
    this.#slow = cloud.log.some((line) => line.startsWith("SKY_FAN_OUT_SLOW"));
  }

  wrongs(): string[] {
    const { sid } = this.#session;
    const verdict = new Verdict(this.#ledger, this.#session, SHARPNESS, noCounts());
    return [
      ...this.#overtaken(new Set(verdict.disordered())).map(
        ([n, later]) => `${sid}: ${n} came after ${later}, of the same event`,
      ),
      ...verdict
        .repeated()
        .filter((n) => !this.#mayRepeat(n))
        .map((n) => `${sid}: ${n} came twice without a reason`),
    ];
  }

  /** Of what came after a later packet of its event, that for which order is promised. */
  #overtaken(disordered: ReadonlySet<number>): (readonly [number, number])[] {
    const arrived = [...new Set(this.#session.received)];
    return arrived.flatMap((n, at) => {
      const wrong: (readonly [number, number])[] = [];
      for (const earlier of arrived.slice(0, at)) {
        const [first, second] = [Math.min(n, earlier), Math.max(n, earlier)];
        if (!this.#inOrder(first, second)) continue;
        if (this.#fanOuts.has(first) || this.#fanOuts.has(second)) this.#counts.ordered++;
        if (earlier > n && disordered.has(n)) wrong.push([n, earlier]);
      }
      return wrong;
    });
  }

  /** Two numbers of one event that come in this order. */
  #inOrder(first: number, second: number): boolean {
    const [one, other] = [this.#ledger.emits.get(first), this.#ledger.emits.get(second)];
    if (!one || !other || one.handler !== other.handler) return false;
    // Who did not take it gets it when it comes back.
    if (this.#ledger.missed.get(first)?.has(this.#session.sid)) return false;
    if (!this.#fanOuts.has(first)) return true;
    const waited = this.#fanOuts.has(second) && audienceOf(one) === audienceOf(other);
    return waited && !this.#slow && !this.#failed.has(first);
  }

  #mayRepeat(n: number): boolean {
    const emit = this.#ledger.emits.get(n);
    if (!emit || !this.#fanOuts.has(n)) return this.#overlaps(emit);
    if (this.#failed.has(n)) {
      this.#counts.failedWorker++;
      return true;
    }
    const may = this.#wasPostedDuringResume(emit) || this.#overlaps(emit);
    if (may) this.#counts.whilePosting++;
    return may;
  }

  #wasPostedDuringResume(emit: Emit): boolean {
    const end = this.#endOf(emit);
    const live = this.#ledger.wentLive.get(this.#session.pid) ?? [];
    return this.#session.resumes.some(({ asked }) => {
      const over = live.find(({ place }) => place > asked.place);
      return asked.place < (end?.place ?? Infinity) && !(over && over.place < emit.called.place);
    });
  }

  /** It was being posted when the offset was made, or became known, with which the client came back. */
  #overlaps(emit: Emit | undefined): boolean {
    return this.#session.resumes.some(({ from }) => {
      const last = from === undefined ? undefined : this.#ledger.emits.get(from);
      if (!emit || !last) return false;
      const [end, lastEnd] = [this.#endOf(emit)?.ms ?? Infinity, this.#endOf(last)?.ms ?? Infinity];
      return last.called.ms - TOLERANCE_MS <= end && lastEnd + TOLERANCE_MS >= emit.called.ms;
    });
  }

  /** Undefined where that never came: its emitter or a worker of it died. */
  #endOf({ n, resolved }: Emit): Moment | undefined {
    return this.#fanOuts.has(n) ? this.#fanOuts.get(n) : resolved;
  }
}

const numberOf = (frame = '42["",0]'): number => (JSON.parse(frame.slice(2)) as [string, number])[1];

const audienceOf = ({ rooms, except }: Emit): string =>
  JSON.stringify([[...rooms].sort(), [...except].sort()]);
