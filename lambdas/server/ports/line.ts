/** The queue in which the frames of each connection wait in line: its ports, for where an application is deployed `ordered`. */

/** A message of the queue as this delivery has it. */
export interface LineReceipt {
  /** SQS's id of the message. */
  readonly messageId: string;
  /** Of this delivery. */
  readonly receipt: string;
}

export interface OutgoingLineMessage {
  readonly connectionId: string;
  /** Tells it from others of its connection: of two with the same one within five minutes, SQS keeps the first. */
  readonly id: string;
  readonly body: string;
  /** In a group of its own: it neither waits behind what its connection has in the queue, nor holds that up. */
  readonly isAlone?: boolean;
}

export interface Line {
  /**
   * These are done: the next ones of their connections may be delivered. One request for ten.
   * @throws when SQS refuses one of them
   */
  remove(messages: readonly LineReceipt[]): Promise<void>;
  /**
   * Nobody else gets these, nor what is behind them, for so long from now; with 0 they are delivered again at once. In milliseconds,
   * rounded up to seconds. One request for ten.
   * @throws when SQS refuses one of them
   */
  hide(messages: readonly LineReceipt[], ms: number): Promise<void>;
  /** Puts a message at the end of a connection's line, or into the queue beside it. One request. */
  send(message: OutgoingLineMessage): Promise<void>;
  /** Puts aside what was given up, where an alarm tells of it. One request. */
  bury(message: OutgoingLineMessage): Promise<void>;
  /**
   * Another instance works through these records of the queue, as they were delivered.
   * @returns the ids of those that have to be delivered again; `busy` if there is none to be had
   * @throws when it failed, or died
   */
  handOver(records: readonly unknown[]): Promise<readonly string[] | "busy">;
}
