/**
 * Objects that are made anew for each event, and on which applications put things all the same: the handshake, the request, the
 * connection. What middlewares put there makes them run again; what a handler puts there is gone with its event.
 */
export class RebuiltObjects {
  readonly #objects = new Map<string, { readonly object: object; text: string }>();
  #replayed = false;

  /** @param name as the application calls it */
  add<T extends object>(name: string, object: T): T {
    this.#objects.set(name, { object, text: textOf(object) });
    return object;
  }

  /** Those that are not as they were made, or as the last replay left them. */
  get changed(): readonly string[] {
    return [...this.#objects].flatMap(([name, { object, text }]) => (textOf(object) === text ? [] : [name]));
  }

  /** Those that the event has changed, and the next one will not find so. */
  get lost(): readonly string[] {
    return this.#replayed ? this.changed : [];
  }

  /** The listeners have run again, and with them what they and middlewares put there. */
  noteReplay(): void {
    this.#replayed = true;
    for (const one of this.#objects.values()) one.text = textOf(one.object);
  }
}

function textOf(object: object): string {
  const names = Object.keys(object).join(); // of what JSON leaves out too
  try {
    return `${names} ${JSON.stringify(object)}`;
  } catch {
    return names; // a session object with a cycle, say
  }
}
