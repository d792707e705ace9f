import type { FunctionModel, MappingModel } from "../model.ts";
import { Mapping, type MappingOptions } from "./mapping.ts";

type Model = { readonly mappings: readonly MappingModel[]; readonly functions: readonly FunctionModel[] };

/** All event source mappings of the template. */
export class Mappings {
  readonly #options: Omit<MappingOptions, "mapping" | "fn">;
  readonly #running = new Map<string, Mapping>();
  /** Those that were stopped may still handle a batch. */
  readonly #endings = new Set<Promise<void>>();
  #functions: readonly FunctionModel[] = [];

  constructor(options: Omit<MappingOptions, "mapping" | "fn">) {
    this.#options = options;
  }

  /** Polls for these from now on. One that has not changed goes on as it is. */
  start({ mappings, functions }: Model): void {
    this.#functions = functions;
    const wanted = new Map(mappings.map((mapping) => [JSON.stringify(mapping), mapping]));
    for (const key of [...this.#running.keys()]) if (!wanted.has(key)) this.#end(key);
    for (const [key, mapping] of wanted) {
      if (this.#running.has(key)) continue;
      const started = new Mapping({
        ...this.#options,
        mapping,
        fn: () => this.#function(mapping.functionId),
      });
      this.#running.set(key, started);
      started.start();
    }
  }

  /** No batch begins from now on. */
  stop(): void {
    for (const key of [...this.#running.keys()]) this.#end(key);
  }

  /** Resolves when no batch is being handled any more. */
  async stopped(): Promise<void> {
    await Promise.all(this.#endings);
  }

  #end(key: string): void {
    const mapping = this.#running.get(key);
    if (mapping === undefined) return;
    this.#running.delete(key);
    mapping.stop();
    const ending = mapping.stopped().finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }

  #function(functionId: string): FunctionModel {
    const fn = this.#functions.find(({ logicalId }) => logicalId === functionId);
    if (fn !== undefined) return fn;
    throw new RangeError(`The function "${functionId}" is not in the template any more.`);
  }
}
