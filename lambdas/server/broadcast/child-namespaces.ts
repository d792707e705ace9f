import type { NamespaceCore } from "../declared/namespace-core.ts";
import type { Invocation, Step } from "../invocation/invocation.ts";
import type { EventPacket } from "../posting/post-to-all.ts";
import { type Audience, broadcast, resolveMembers } from "./broadcast.ts";

/**
 * Which children a dynamic namespace has is known to the table only: the names are kept as members of a room, so that
 * `parent.emit()` reaches clients wherever they are connected. An entry lives as long as a connection can, and is written
 * again by whoever connects later: a write per name, instance and five minutes, however many clients connect.
 */
const CHILDREN = "children";

/** Namespaces of clients begin with a slash, so that no room of theirs is this one. */
const registryOf = (parent: NamespaceCore): string => `dynamic${parent.name}`;

/** Lets `parent.emit()` know of the child. Before its first socket opens: whoever is connected must be reached. */
export async function rememberChild(invocation: Invocation, child: NamespaceCore): Promise<void> {
  const { parent, server } = child;
  if (!parent) return;
  const { store, clock } = invocation.ports;
  const now = clock.now();
  const key = `${parent.name} ${child.name}`;
  if (!server.writtenChildren.claim(key, now)) return;
  try {
    await store.putMember({
      nsp: registryOf(parent),
      room: CHILDREN,
      id: child.name,
      connectionId: "-",
      connectedAt: now,
      token: "-",
    });
  } catch (error) {
    server.writtenChildren.release(key);
    throw error;
  }
}

/**
 * The step of an emit to all children: one read for their names, then a broadcast in each of them.
 * @param encode makes the packet of the namespace of that name
 */
export async function broadcastToChildren(
  invocation: Invocation,
  parent: NamespaceCore,
  audience: Omit<Audience, "nsp">,
  encode: (nsp: string) => EventPacket,
): Promise<Step<void>> {
  const names = await resolveMembers(invocation, {
    nsp: registryOf(parent),
    rooms: new Set([CHILDREN]),
    except: new Set(),
  });
  const children = await Promise.all(
    names.map(({ id }) => broadcast(invocation, { ...audience, nsp: id }, encode(id))),
  );
  return { rest: Promise.all(children.map(({ rest }) => rest)).then(() => undefined) };
}
