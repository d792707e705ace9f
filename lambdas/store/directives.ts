import type { Directive } from "../server/ports/rooms.ts";
import type { Store } from "../server/ports/store.ts";
import { directiveKey, directivePk, escapeName, logIdOf, logRange, unescapeName } from "./keys.ts";
import { toTtl } from "./lifetimes.ts";
import { isLive } from "./table/expression.ts";
import { ITEM_VERSION, type Item, ItemReader } from "./table/item-reader.ts";
import { methodsOf } from "./table/methods.ts";
import type { Table } from "./table/table.ts";

export type DirectiveStore = Pick<Store, "putDirective" | "readDirectives">;

const PAGE_SIZE = 100;

/** What sockets were told that had no member rows at that moment. */
export function directiveStore(table: Table): DirectiveStore {
  return methodsOf(table, { putDirective, readDirectives });
}

/** One write. Sent twice, it is the same item. */
async function putDirective(
  table: Table,
  { nsp, id, at, rooms, except, act, names }: Directive,
  expiresAt: number,
): Promise<void> {
  const item: Item = {
    ...directiveKey({ nsp, id }),
    v: ITEM_VERSION,
    ...(at !== undefined && { at }),
    rooms: rooms.map(escapeName),
    except: except.map(escapeName),
    act,
    names: names.map(escapeName),
    expiresAt: toTtl(expiresAt),
  };
  await table.put(item, `What sockets in namespace ${JSON.stringify(nsp.slice(0, 40))} are told`);
}

/** One Query per begun 100 directives or 1 MB. */
async function readDirectives(table: Table, nsp: string, from: string): Promise<readonly Directive[]> {
  const { from: first } = logRange(from, undefined);
  const directives: Directive[] = [];
  for await (const items of table.queryRange(directivePk(nsp), { from: first, pageSize: PAGE_SIZE })) {
    for (const item of items) {
      const read = new ItemReader(item);
      if (isLive(read.number("expiresAt"), table.now())) directives.push(toDirective(nsp, read));
    }
  }
  return directives;
}

function toDirective(nsp: string, read: ItemReader): Directive {
  const at = read.optionalText("at");
  return {
    nsp,
    id: logIdOf(read.text("sk")),
    ...(at !== undefined && { at }),
    rooms: read.texts("rooms").map(unescapeName),
    except: read.texts("except").map(unescapeName),
    act: read.known("act", isAct),
    names: read.texts("names").map(unescapeName),
  };
}

const isAct = (value: string): value is Directive["act"] =>
  value === "join" || value === "leave" || value === "disconnect" || value === "close";
