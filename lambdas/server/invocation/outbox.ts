/** What an invocation emits to one inbox: one event after the other, so that they arrive in this order. */
export interface Outbox {
  /** @param data JSON of the event's name and arguments */
  add(data: string, ttlMs: number): Put;
}

export interface Put {
  readonly stored: Promise<void>;
  readonly delivered: Promise<void>;
}
