/**
 * Where the socket is in this invocation. `first`: its connection listeners run for the first time. `replay`: they run
 * again, to have the handlers they register. `live`: an event, or the end.
 */
export type Stage = "middleware" | "first" | "replay" | "live";

/** How far a socket has come in one invocation. It changes by what happens to the socket, each of which has a method. */
export class SocketLife {
  #stage: Stage;
  #connected: boolean;
  #ready = false;
  #reachable = true;
  #gone = false;
  #drafting: boolean;
  #resuming: boolean;

  /** @param stage `live` for a socket that a row tells of */
  constructor(stage: "middleware" | "live", resuming: boolean) {
    this.#stage = stage;
    this.#connected = stage === "live";
    this.#drafting = stage === "middleware";
    this.#resuming = resuming;
  }

  get stage(): Stage {
    return this.#stage;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** True once its listeners have run in this invocation: it has its handlers. */
  get ready(): boolean {
    return this.#ready;
  }

  /** False once it ended: what is sent then goes nowhere. */
  get reachable(): boolean {
    return this.#reachable;
  }

  /** A post has found that its connection is gone. Its session may go on elsewhere, for which packets are still kept. */
  get gone(): boolean {
    return this.#gone;
  }

  /** True until CONNECT commits: rooms joined and state set before are part of the commit. */
  get drafting(): boolean {
    return this.#drafting;
  }

  /** What it missed is still being sent: see recovery/hold.ts. */
  get resuming(): boolean {
    return this.#resuming;
  }

  /** It is let in, and its connection listeners run for the first time. */
  beginFirstRun(): void {
    this.#stage = "first";
    this.#connected = true;
    this.#ready = true;
  }

  beginReplay(): void {
    this.#stage = "replay";
  }

  /** Its listeners have to run again, for the next event of the same invocation. */
  startOver(): void {
    this.#ready = false;
  }

  /** Its connection listeners have run, for the first time or again. */
  endRun(): void {
    this.#stage = "live";
    this.#ready = true;
  }

  /** From here on what is joined and set is written by itself. */
  endDraft(): void {
    this.#drafting = false;
  }

  /** What it missed has been sent. */
  endResume(): void {
    this.#resuming = false;
  }

  /** As on stock, what is sent from here on goes nowhere, though its listeners may still be to run. */
  mute(): void {
    this.#reachable = false;
  }

  lose(): void {
    this.#gone = true;
    this.#reachable = false;
    this.#connected = false;
  }

  /** Its `disconnecting` listeners run: it counts as connected until `disconnect`, as on stock. */
  beginEnd(): void {
    this.#reachable = false;
    this.#connected = true;
  }

  disconnect(): void {
    this.#connected = false;
  }
}
