import type { Clock, EndTarget, Gateway, Member, RoomName, Store } from "./ports.ts";
import { EVERYONE } from "./ports.ts";
import { meetHold } from "./recovery/hold.ts";
import type { ReplySlot } from "./reply.ts";

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
}

/** What an invocation has to do with its posts. */
export interface PostsOptions {
  readonly reply?: ReplySlot | undefined;
  /** Called once for each connection that is found gone. */
  readonly onGone?: (connectionId: string) => void;
}

interface Sending {
  /** The packet is in the log. */
  readonly kept: boolean;
}

/**
 * The posts of one invocation. Posts to one connection are strictly one after the other, since only then API Gateway is
 * believed to keep their order; different connections do not wait for each other. A connection found gone gets nothing
 * more in this invocation, and is noted to be ended.
 */
export class Posts {
  readonly #ports: PostPorts;
  readonly #chains = new Map<string, Promise<unknown>>();
  readonly #gone = new Map<string, Map<string, EndTarget["members"][number]>>();
  /** All that have been found gone, also those that are being ended already. */
  readonly #dead = new Set<string>();
  readonly #reply: ReplySlot | undefined;
  readonly #onGone: (connectionId: string) => void;

  constructor(ports: PostPorts, { reply, onGone = () => undefined }: PostsOptions = {}) {
    this.#ports = ports;
    this.#reply = reply;
    this.#onGone = onGone;
  }

  /** Resolves when all frames are accepted: true, or false when the connection is gone. Rejects on other failures. */
  send(to: Recipient, frames: readonly string[], how: Sending = { kept: false }): Promise<boolean> {
    this.#reply?.release();
    return this.#inTurn(to, () => this.#sendAll(to, frames, how));
  }

  /** Gives the connection up: nothing more is posted to it, and the caller of {@link takeGone} ends it. */
  abandon(to: Recipient): void {
    if (!this.#dead.has(to.connectionId)) this.#note(to);
  }

  /**
   * Sends an answer that may be the last thing this connection gets: with route responses on, it then goes as the
   * invocation's response and saves the post. If anything else is to be sent, or nobody ends the invocation soon, it is
   * posted like every packet.
   */
  answer(to: Recipient, frames: readonly string[]): Promise<boolean> {
    const [frame, another] = frames;
    const slot = this.#reply;
    if (!slot || frame === undefined || another !== undefined) return this.send(to, frames);
    slot.release();
    return this.#inTurn(
      to,
      async () => (await slot.hold(frame)) || (await this.#sendAll(to, frames, { kept: false })),
    );
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

  /** After everything that was sent to this connection before, whether that succeeded or not. */
  #inTurn({ connectionId }: Recipient, post: () => Promise<boolean>): Promise<boolean> {
    const posted = (this.#chains.get(connectionId) ?? Promise.resolve()).then(post);
    this.#chains.set(
      connectionId,
      posted.catch(() => undefined),
    );
    return posted;
  }

  async #sendAll(to: Recipient, frames: readonly string[], { kept }: Sending): Promise<boolean> {
    if (kept && to.hold !== undefined && !this.#dead.has(to.connectionId)) {
      const met = await meetHold(this.#ports, { pid: to.hold, connectionId: to.connectionId });
      if (met === "left") return true;
      if (met === "missed") return this.#note(to);
    }
    for (const frame of frames) {
      if (this.#dead.has(to.connectionId) || !(await this.#sendOne(to, frame))) return this.#note(to);
    }
    return true;
  }

  async #sendOne(to: Recipient, frame: string): Promise<boolean> {
    const { gateway, clock } = this.#ports;
    if ((await gateway.post(to.connectionId, frame)) === "ok") return true;
    for (const wait of RETRY_WAITS_MS) {
      if (clock.now() - to.connectedAt > YOUNG_MS) return false;
      await clock.sleep(wait);
      if ((await gateway.post(to.connectionId, frame)) === "ok") return true;
    }
    return false;
  }

  #note({ connectionId, member }: Recipient): false {
    if (!this.#dead.has(connectionId)) {
      this.#dead.add(connectionId);
      this.#onGone(connectionId);
    }
    const stale = member && { nsp: member.nsp, room: roomForTask(member.room), id: member.id };
    this.#addGone(connectionId, stale ? [stale] : []);
    return false;
  }

  #addGone(connectionId: string, stale: EndTarget["members"]): void {
    const members = this.#gone.get(connectionId) ?? new Map<string, EndTarget["members"][number]>();
    for (const member of stale) members.set(JSON.stringify(member), member);
    this.#gone.set(connectionId, members);
  }
}

const roomForTask = (room: RoomName): string | null => (room === EVERYONE ? null : room);
