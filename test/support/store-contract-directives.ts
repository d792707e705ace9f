import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Directive } from "../../lambdas/server/ports/rooms.ts";
import { plays } from "./schedules.ts";
import { HOUR, type StoreBench } from "./store-contract-bench.ts";
import { offset } from "./store-contract-log.ts";
import { anyName } from "./store-contract-names.ts";

export function directiveContract(bench: StoreBench): void {
  const directive = (nsp: string, n: number, changes: Partial<Directive> = {}): Directive => ({
    ...{ nsp, id: offset(n), rooms: ["a"], except: [], act: "leave", names: ["b"] },
    ...changes,
  });
  const put = async (one: Directive, keptMs = HOUR): Promise<Directive> => {
    await bench.store.putDirective(one, bench.clock.now() + keptMs);
    return one;
  };

  describe("directives", () => {
    it("are read by their ids, from one of them on", async () => {
      const nsp = bench.name("/nsp");
      expect(await bench.store.readDirectives(nsp, "0")).toEqual([]);
      const third = await put(directive(nsp, 3, { act: "close", rooms: [], except: ["c"], names: [] }));
      const first = await put(directive(nsp, 1, { act: "join", names: ["b", "c"] }));
      const second = await put(directive(nsp, 2, { act: "disconnect", names: [], at: offset(1) }));
      await put(directive(bench.name("/other"), 2));
      expect(await bench.store.readDirectives(nsp, "0")).toEqual([first, second, third]);
      expect(await bench.store.readDirectives(nsp, second.id)).toEqual([second, third]);
      expect(await bench.store.readDirectives(nsp, offset(4))).toEqual([]);
    });

    it("are not read once they have expired", async () => {
      const nsp = bench.name("/nsp");
      await put(directive(nsp, 1), 1_000);
      bench.pass(2_000);
      expect(await bench.store.readDirectives(nsp, "0")).toEqual([]);
    });

    it("keep any names", async () => {
      const names = fc.array(anyName(), { maxLength: 3 });
      const named = fc.record({ nsp: anyName(), rooms: names, except: names, names });
      await fc.assert(
        fc.asyncProperty(named, async ({ nsp, ...changes }) => {
          const one = await put(directive(`${nsp}${bench.name("n")}`, 1, changes));
          expect(await bench.store.readDirectives(one.nsp, "0")).toEqual([one]);
        }),
        plays(15),
      );
    });
  });
}
