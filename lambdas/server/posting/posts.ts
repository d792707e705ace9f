import type { Clock, Log } from "../ports/environment.ts";
import type { Gateway } from "../ports/gateway.ts";
import { type Member, toJsonRoom } from "../ports/rooms.ts";
import type { Store } from "../ports/store.ts";
import type { EndTarget } from "../ports/tasks.ts";
import { meetHold } from "../recovery/hold.ts";
import type { RouteResponse } from "./route-response.ts";

/**
 * For this long after its start a connection may not be there yet when a post asks for it (410), in milliseconds: the
 * upgrade completes after $connect has returned, and users report 410s on living connections
 * (github.com/aws/aws-sdk-js issue 3773).
 */
const YOUNG_MS = 60_000;
/** Waits between the tries of a post to a young connection, in milliseconds. */
const RETRY_WAITS_MS = [50, 100, 200, 400, 800] as const;

/** Where a packet goes: a connection, and the member row that led to it if one did. */
export interface Recipient {
  readonly connectionId: string;
  readonly connectedAt: number;
  readonly member?: Pick<Member, "nsp" | "room" | "id">;
  /** The session that is being resumed on the connection: packets of the log must not overtake that. */
  readonly hold?: string;
}

/** What posting needs of the outside. */
export interface PostPorts {
  readonly store: Pick<Store, "leaveToResume" | "readSession">;
  readonly gateway: Pick<Gateway, "post">;
  readonly clock: Pick<Clock, "now" | "sleep">;
  readonly log: Pick<Log, "warn">;
}

/** What an invocation has to do with its posts. */
export interface PostsOptions {
  readonly reply?: RouteResponse | undefined;
  /** Called once for each connection that is found gone. */
  readonly onGone?: (connectionId: string) => void;
}

/** Why a packet takes a while: its client reads slowly, or its connection may not be there yet. */
export type Slowness = "reads slowly" | "young";

export interface Sending {
  /** The packet is in the log. */
  readonly kept?: boolean;
  /**
   * It is volatile, and was called for at this {@link Posts.moment}: it goes only to who had got everything by then, and is tried
   * once.
   */
  readonly volatileSince?: number | undefined;
  /** Called, perhaps several times, if it takes a while. */
  readonly onSlow?: (why: Slowness) => void;
  /** It connects a socket, and makes nobody busy: what its listeners send waits for it anyway. */
  readonly connects?: boolean;
}

/** One connection's posts. */
interface Line {
  /** The end of them. */
  tail: Promise<unknown>;
  /** Packets that are on their way, or wait for those. */
  packets: number;
  /** The moment at which the last one was over. */
  idleSince: number;
  /** Told when the connection takes what it is sent slowly. */
  readonly watchers: Set<(why: Slowness) => void>;
  slow: Slowness | undefined;
}

/**
 * The posts of one invocation. Posts to one connection are strictly one after the other, since only then API Gateway is
 * believed to keep their order; different connections do not wait for each other. A connection found gone gets nothing
 * more in this invocation, and is noted to be ended.
 */
export class Posts {
  readonly #ports: PostPorts;
  readonly #lines = new Map<string, Line>();
  #moment = 0;
  readonly #gone = new Map<string, Map<string, EndTarget["members"][number]>>();
  /** All that have been found gone, also those that are being ended already. */
  readonly #dead = new Set<string>();
  readonly #response: RouteResponse | undefined;
  readonly #onGone: (connectionId: string) => void;

  constructor(ports: PostPorts, { reply, onGone = () => undefined }: PostsOptions = {}) {
    this.#ports = ports;
    this.#response = reply;
    this.#onGone = onGone;
  }

  /** A time that passes with each packet that is over: by it is told whether somebody was busy when something was called for. */
  get moment(): number {
    return this.#moment;
  }

  /**
   * Resolves when all frames are accepted, or may be lost: true, or false when the connection is gone. Rejects on other failures.
   */
  send(to: Recipient, frames: readonly string[], how: Sending = {}): Promise<boolean> {
    if (how.volatileSince !== undefined && this.#isBusy(to, how.volatileSince)) return Promise.resolve(true);
    this.#response?.release();
    return this.#inTurn(to, how, () => this.#sendAll(to, frames, how));
  }

  /** From here on it is later. */
  nextMoment(): number {
    return ++this.#moment;
  }

  /** Who has been called for until now found this connection busy. */
  noteBusy({ connectionId }: Recipient): void {
    this.#lineOf(connectionId).idleSince = this.nextMoment();
  }

  /** Gives the connection up: nothing more is posted to it, and the caller of {@link takeGone} ends it. */
  abandon(to: Recipient): void {
    if (!this.#dead.has(to.connectionId)) this.#note(to);
  }

  /**
   * Sends an answer that may be the last thing this connection gets: with route responses on, it then goes as the
   * invocation's response and saves the post. If anything else is to be sent, or nobody ends the invocation soon, it is
   * posted like every packet.
   * @param kept what it tells is kept; if that is not so, it is not sent. What is sent after it waits
   */
  answer(to: Recipient, frames: readonly string[], kept?: Promise<boolean>): Promise<boolean> {
    const [frame, another] = frames;
    const response = this.#response;
    response?.release();
    return this.#inTurn(to, {}, async () => {
      if (kept && !(await kept)) return false;
      const offered =
        response && frame !== undefined && another === undefined && (await response.offer(frame));
      return offered || (await this.#sendAll(to, frames, {}));
    });
  }

  /** The connections found gone, each once: the caller ends them. */
  takeGone(): readonly EndTarget[] {
    const targets = [...this.#gone].map(([connectionId, members]) => ({
      connectionId,
      members: [...members.values()],
    }));
    this.#gone.clear();
    return targets;
  }

  /** They have not been ended after all. */
  giveBack(targets: readonly EndTarget[]): void {
    for (const { connectionId, members } of targets) this.#addGone(connectionId, members);
  }

  /** As on stock, where the transport is not writable; and while a session is being resumed, whose missed packets come first. */
  #isBusy({ connectionId, hold }: Recipient, since: number): boolean {
    const line = this.#lines.get(connectionId);
    return hold !== undefined || (line !== undefined && (line.packets > 0 || line.idleSince > since));
  }

  #lineOf(connectionId: string): Line {
    const known = this.#lines.get(connectionId);
    if (known) return known;
    const line = {
      tail: Promise.resolve(),
      packets: 0,
      idleSince: 0,
      watchers: new Set<(why: Slowness) => void>(),
      slow: undefined,
    };
    this.#lines.set(connectionId, line);
    return line;
  }

  /** After everything that was sent to this connection before, whether that succeeded or not. */
  #inTurn(
    { connectionId }: Recipient,
    { onSlow, connects }: Sending,
    post: () => Promise<boolean>,
  ): Promise<boolean> {
    const line = this.#lineOf(connectionId);
    if (onSlow) line.watchers.add(onSlow);
    if (onSlow && line.slow) onSlow(line.slow);
    line.packets++;
    const posted = line.tail.then(post);
    const end = (): void => {
      line.packets--;
      if (!connects) line.idleSince = this.nextMoment();
      if (onSlow) line.watchers.delete(onSlow);
    };
    line.tail = posted.then(end, end);
    return posted;
  }

  async #sendAll(
    to: Recipient,
    frames: readonly string[],
    { kept, volatileSince }: Sending,
  ): Promise<boolean> {
    if (kept && to.hold !== undefined && !this.#dead.has(to.connectionId)) {
      const met = await meetHold(this.#ports, { pid: to.hold, connectionId: to.connectionId });
      if (met === "left") return true;
      if (met === "missed") return this.#note(to);
    }
    for (const [at, frame] of frames.entries()) {
      if (this.#dead.has(to.connectionId)) return this.#note(to);
      // Of a packet with attachments the client waits for all, once it has the first frame.
      const sent =
        volatileSince !== undefined && at === 0 ? await this.#try(to, frame) : await this.#sendOne(to, frame);
      if (sent === "lost") return true;
      if (!sent) return this.#note(to);
    }
    return true;
  }

  async #try({ connectionId, connectedAt }: Recipient, frame: string): Promise<boolean | "lost"> {
    const { gateway, clock } = this.#ports;
    const answer = await gateway.post(connectionId, frame, { once: true });
    if (answer === "ok") return true;
    return answer === "refused" || clock.now() - connectedAt <= YOUNG_MS ? "lost" : false;
  }

  async #sendOne(to: Recipient, frame: string): Promise<boolean> {
    const { gateway, clock, log } = this.#ports;
    const { connectionId, connectedAt, member } = to;
    const onSlow = (): void => this.#tellSlow(connectionId, "reads slowly");
    for (const wait of [...RETRY_WAITS_MS, undefined]) {
      const answer = await gateway.post(connectionId, frame, { onSlow });
      if (answer === "ok") {
        this.#lineOf(connectionId).slow = undefined;
        return true;
      }
      if (answer === "refused") {
        log.warn(
          "SKY_SLOW_READER",
          "a client is closed: API Gateway has taken nothing for it for a while, since it does not read what it was sent, or too slowly. It connects again. Send it less, or what may be lost as volatile events",
          { connectionId, ...(member && { nsp: member.nsp, socket: member.id }) },
        );
        return false;
      }
      if (wait === undefined || clock.now() - connectedAt > YOUNG_MS) return false;
      this.#tellSlow(connectionId, "young");
      await clock.sleep(wait);
    }
    return false;
  }

  #tellSlow(connectionId: string, why: Slowness): void {
    const line = this.#lineOf(connectionId);
    line.slow = why;
    for (const tell of line.watchers) tell(why);
  }

  #note({ connectionId, member }: Recipient): false {
    if (!this.#dead.has(connectionId)) {
      this.#dead.add(connectionId);
      this.#onGone(connectionId);
    }
    const stale = member && { nsp: member.nsp, room: toJsonRoom(member.room), id: member.id };
    this.#addGone(connectionId, stale ? [stale] : []);
    return false;
  }

  #addGone(connectionId: string, stale: EndTarget["members"]): void {
    const members = this.#gone.get(connectionId) ?? new Map<string, EndTarget["members"][number]>();
    for (const member of stale) members.set(JSON.stringify(member), member);
    this.#gone.set(connectionId, members);
  }
}
