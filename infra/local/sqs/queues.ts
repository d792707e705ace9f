/** Queues, as far as Lambda's failure destinations go: they take messages, and whoever looks may read them. */
export class Queues {
  readonly #messages = new Map<string, string[]>();

  send(arn: string, body: string): void {
    const messages = this.#messages.get(arn) ?? [];
    this.#messages.set(arn, messages);
    messages.push(body);
  }

  /** What was sent so far, the oldest first. */
  messages(arn: string): readonly string[] {
    return this.#messages.get(arn) ?? [];
  }
}
