/** Makes traces of different runs comparable: socket ids become names, and what made room names unique goes. */

export class Names {
  readonly #byId = new Map<string, string>();
  readonly #connections = new Map<string, number>();
  readonly #tag: string;

  /** @param tag what {@link room} appends, unique for each run of a scenario */
  constructor(tag: string) {
    this.#tag = `~${tag}`;
  }

  /** A room name that no other run uses: the targets live longer than one scenario, on AWS so do its last steps. */
  room(name: string): string {
    return name + this.#tag;
  }

  /** The n-th id of a client is shown as `<name>` or `<name#n>`. */
  learn(id: string, name: string): void {
    const count = (this.#connections.get(name) ?? 0) + 1;
    this.#connections.set(name, count);
    this.#byId.set(id, count === 1 ? `<${name}>` : `<${name}#${count}>`);
  }

  normalize(value: unknown): unknown {
    if (typeof value === "string") return this.#text(value);
    if (typeof value === "function") return "<acknowledgement>";
    if (value instanceof ArrayBuffer) return { binary: Buffer.from(value).toString("hex") };
    if (ArrayBuffer.isView(value)) {
      return { binary: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex") };
    }
    if (Array.isArray(value)) return value.map((item: unknown) => this.normalize(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [this.#text(key), this.normalize(item)]),
    );
  }

  #text(text: string): string {
    let result = text.replaceAll(this.#tag, "");
    for (const [id, name] of this.#byId) result = result.replaceAll(id, name);
    return result;
  }
}
