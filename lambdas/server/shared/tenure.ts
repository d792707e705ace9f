import type { Ports } from "../ports/ports.ts";
import { newLeaseToken } from "./await-lease.ts";
import { type AcksHost, HeldAcks } from "./held-acks.ts";
import { KeepableContent } from "./keepable-content.ts";
import { LeaseHolder } from "./lease-holder.ts";
import { watchLease } from "./lease-watch.ts";
import { noteOf } from "./notes.ts";
import { lostError, reportAfterwards, reportLost, reportOutside } from "./reports.ts";
import { Stay, type StayKind } from "./stay.ts";
import type { Content, SharedVariables } from "./variables.ts";

/** The invocation in which it is: Invocation is one. */
export interface TenureHost extends AcksHost {
  readonly ports: Pick<Ports, "store" | "clock" | "log">;
  /** Nothing of the application's is going on but acknowledgements that wait. */
  readonly isQuiet: boolean;
}

/**
 * The shared variables of a namespace in one invocation: has the lease while code runs that may change them (see {@link Stay}), and
 * keeps what it has changed before an acknowledgement says so. The order is: effects, commit, acknowledgements, the end of the
 * event. With the last commit the lease is given up, so that an event costs two writes. An acknowledgement of a handler that goes
 * on costs one more, and so does each batch of the line whose frames have some (docs/architecture/shared-state.md).
 */
export class Tenure {
  readonly variables: SharedVariables;
  readonly #host: TenureHost;
  readonly #stays = new Set<Stay>();
  readonly #acks: HeldAcks;
  readonly #content: KeepableContent;
  #lease: LeaseHolder | undefined;
  /** What the next commit remembers. */
  #notes = new Set<string>();
  #afterwards: (() => Promise<unknown>)[] = [];
  /** Taking, keeping and giving up, one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  #asks = 0;
  /** The lease was lost: what this invocation does counts no more. */
  #lost = false;
  /** The event is over: nothing is taken any more. */
  #ended = false;
  /** Ends of sockets, one after the other. */
  #alone: Promise<unknown> = Promise.resolve();

  constructor(variables: SharedVariables, host: TenureHost) {
    this.variables = variables;
    this.#host = host;
    this.#content = new KeepableContent(variables, host.ports.log);
    this.#acks = new HeldAcks(host, this.#stays, (captured) =>
      this.#inTurn(() => this.#commit(!this.#active && host.isQuiet, captured)),
    );
  }

  /** What this invocation has changed last could not be kept. */
  get lost(): boolean {
    return this.#lost;
  }

  get held(): boolean {
    return this.#lease !== undefined;
  }

  /**
   * Code that is about to run may read and change the variables until its stay is over.
   * @param what names it in the log
   * @throws SkysocketError when there is no lease to be had
   */
  async enter(what: string, kind: StayKind = "code"): Promise<Stay> {
    const stay = new Stay(this, what, kind);
    this.#stays.add(stay);
    try {
      stay.waited = await this.take();
      stay.begin(this.#host.ports.clock.now());
      return stay;
    } catch (error) {
      this.#stays.delete(stay);
      throw error;
    }
  }

  /**
   * Ends of sockets, one after the other in an invocation: their replays put back what they change, and may wait meanwhile. They
   * share the lease, but not for longer than others can wait.
   * @param work resolves when the next may begin
   */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#alone.then(async () => {
      const result = await work();
      if (this.#lease?.isOld && !this.#active) {
        await this.#host.otherEffects();
        await this.close();
      }
      return result;
    });
    this.#alone = done.catch(() => undefined);
    return await done;
  }

  /**
   * After the end of the event there is nothing to take: what code of it changes then is reported as a change outside.
   * @returns whether somebody else had the lease
   */
  async take(): Promise<boolean> {
    return await this.#inTurn(async () => {
      if (this.#ended) return false;
      if (this.#lost) throw lostError(this.variables.nsp);
      if (this.#lease) return false;
      const lease = await LeaseHolder.take(this.#host, this.variables);
      reportOutside(this.#host.ports.log, this.variables);
      try {
        await lease.load();
      } catch (error) {
        await lease.giveUp().catch(() => undefined);
        throw error;
      }
      this.#content.begin();
      this.#lease = lease;
      this.variables.held = true;
      const { nsp } = this.variables;
      void watchLease(lease, {
        ...{ host: this.#host, nsp, stays: this.#stays, renew: () => this.#renew(lease) },
      });
      return lease.waited;
    });
  }

  /** Takes the lease for code that goes on. If there is none to be had, what the code does to the variables counts no more. */
  async retake(): Promise<void> {
    try {
      await this.take();
    } catch (error) {
      this.#lose(error);
      throw error;
    }
  }

  /** A stay is over. */
  leave(stay: Stay): void {
    this.#stays.delete(stay);
    this.capture();
    this.#acks.look();
    void this.#restWhileAsking();
  }

  /** Gives the lease up, with what has changed, if no code that needs it is running. Never rejects. */
  async rest(): Promise<void> {
    if (!this.#active) await this.close();
  }

  /** Somebody waits for a client's answer until the returned function is called: others may have the lease meanwhile. */
  beginAsk(): () => void {
    this.#asks++;
    this.#acks.look();
    void this.#restWhileAsking();
    return () => {
      this.#asks--;
    };
  }

  /** Was that committed already, as far as the last hundred commits tell? */
  has(what: string): boolean {
    return this.#lease?.has(what) ?? false;
  }

  /** Was it committed, or will it be with the next commit? */
  isNoted(what: string): boolean {
    return this.#notes.has(noteOf(what)) || this.has(what);
  }

  /** The next commit remembers that. */
  note(what: string): void {
    this.#notes.add(noteOf(what));
  }

  /** Is done when all that has changed is kept. Its failure is logged. */
  afterwards(work: () => Promise<unknown>): void {
    this.#afterwards.push(work);
  }

  /** The content as it is now. What cannot be kept is reported, and the content is again as it was when it could. */
  capture(): Content {
    return this.#lease ? this.#content.capture() : this.#content.good;
  }

  /** Puts a content of before back. */
  putBack(content: Content): void {
    if (this.#lease) this.#content.putBack(content);
  }

  /**
   * What an acknowledgement waits for: true when all that has changed so far is kept, false if it never will be. Undefined if
   * nothing has changed.
   * @param stay of the code that acknowledges
   */
  keep(stay: Stay | undefined): Promise<boolean> | undefined {
    if (this.#lost) return Promise.resolve(false);
    const { refusals } = this.#content;
    const content = this.capture();
    if (this.#content.refusals > refusals) return Promise.resolve(false);
    if (!this.#lease && reportOutside(this.#host.ports.log, this.variables)) return Promise.resolve(false);
    if (!this.#lease || !this.variables.changes(content)) return this.#acks.keeping;
    return this.#acks.hold(stay);
  }

  /** Resolves when the next frame of a batch may begin: a commit is made between two. */
  async ready(): Promise<void> {
    await this.#acks.ready();
  }

  /** Keeps what has changed so far; the lease stays. Never rejects. */
  async save(): Promise<void> {
    await this.#inTurn(() => this.#commit(false));
  }

  /** Keeps what has changed, and gives the lease up. Never rejects. */
  async close(): Promise<void> {
    if (!(await this.#inTurn(() => this.#commit(true)))) return;
    const done = await Promise.allSettled(this.#afterwards.splice(0).map((work) => work()));
    for (const result of done) {
      if (result.status === "rejected") reportAfterwards(this.#host.ports.log, result.reason);
    }
  }

  /** The same at the end of the event: it is not taken again. Never rejects. */
  async end(): Promise<void> {
    await this.close();
    this.#ended = true;
  }

  get #active(): boolean {
    return [...this.#stays].some(({ active }) => active);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** While everybody waits for answers, others have the lease. */
  async #restWhileAsking(): Promise<void> {
    const isResting = (): boolean => this.#asks > 0 && !this.#active && this.held;
    if (!isResting()) return;
    await this.#host.otherEffects();
    if (isResting()) await this.close();
  }

  /** @returns false if what has changed is not kept. Never rejects */
  async #commit(gives: boolean, captured: () => void = () => undefined): Promise<boolean> {
    const lease = this.#lease;
    if (!lease) return !this.#lost;
    const changes = this.variables.changes(this.capture());
    if (!changes && !gives) return true;
    const notes = this.#notes;
    this.#notes = new Set();
    const keeping = { notes, gives, version: newLeaseToken() };
    const content = this.#content.good;
    captured();
    try {
      // Once more if it fails: the store has tried for a while, and the same commit may be made again.
      const kept = await lease
        .keep({ ...keeping, changes })
        .catch(() => lease.keep({ ...keeping, changes: this.variables.changes(content) }));
      if (!kept) this.#lose(new Error("another event has the lease by now"));
      else if (!changes) for (const note of notes) this.#notes.add(note);
      return kept;
    } catch (error) {
      this.#lose(error);
      return false;
    } finally {
      if (gives) this.#drop();
    }
  }

  #drop(): void {
    if (!this.#lease) return;
    this.#lease.end();
    this.#lease = undefined;
    this.variables.held = false;
  }

  #lose(error: unknown): void {
    if (this.#lost) return;
    this.#lost = true;
    if (this.#lease) this.variables.restore();
    this.variables.forget();
    this.#drop();
    const { log } = this.#host.ports;
    reportLost(log, this.variables.nsp, { running: [...this.#stays].map(({ what }) => what), error });
  }

  async #renew(lease: LeaseHolder): Promise<void> {
    await this.#inTurn(async () => {
      if (lease.over.aborted) return;
      // A failure may be one of a moment: there is time for another try.
      const isOurs = await lease.renew().catch(() => true);
      if (!isOurs) this.#lose(new Error("another event has the lease by now"));
    });
  }
}
