import type { Server, Socket } from "skysocket";

type Listener = () => void;

/** The members of Node's EventEmitter, which every emitter of Socket.IO's is. */
interface Emitter {
  on(event: string, listener: Listener): unknown;
  addListener(event: string, listener: Listener): unknown;
  prependListener(event: string, listener: Listener): unknown;
  off(event: string, listener: Listener): unknown;
  removeListener(event: string, listener: Listener): unknown;
  removeAllListeners(event: string): unknown;
  listeners(event: string): unknown[];
  rawListeners(event: string): unknown[];
  listenerCount(event: string): number;
  eventNames(): (string | symbol)[];
  setMaxListeners(n: number): unknown;
  getMaxListeners(): number;
}

/** Tries what an emitter offers, and leaves it as it was. Others may listen too: only its own listeners are looked at. */
function tour(target: object, event: string, cleared: string) {
  const emitter = target as Emitter;
  const names = new Map<unknown, string>();
  const listener = (name: string): Listener => {
    const made = () => undefined;
    names.set(made, name);
    return made;
  };
  const own = (listeners: unknown[]) => listeners.flatMap((one) => names.get(one) ?? []);
  const [a, b, c] = [listener("a"), listener("b"), listener("c")];
  const before = emitter.listenerCount(event);
  emitter.on(event, a);
  emitter.addListener(event, b);
  emitter.prependListener(event, c);
  const added = [own(emitter.listeners(event)), own(emitter.rawListeners(event))];
  const counted = emitter.listenerCount(event) - before;
  const named = emitter.eventNames().includes(event);
  emitter.off(event, a);
  emitter.removeListener(event, c);
  const left = own(emitter.listeners(event));
  emitter.off(event, b);
  emitter.on(cleared, a);
  emitter.removeAllListeners(cleared);
  emitter.setMaxListeners(20);
  return {
    added,
    counted,
    named,
    left,
    none: [emitter.listenerCount(event) - before, emitter.listenerCount(cleared)],
    max: emitter.getMaxListeners(),
  };
}

/** What emitters offer beside `on`: registering first, removing, listing. */
export function emitters(io: Server): void {
  const nsp = io.of("/emitters");
  const parent = io.of(/^\/emitters-\d+$/);
  const declared = {
    server: tour(io, "connection", "connect"),
    namespace: tour(nsp, "connection", "connect"),
    parent: tour(parent, "connection", "connect"),
    engine: tour(io.engine, "connection_error", "headers"),
  };

  nsp.on("connection", (socket) => {
    const own = {
      socket: tour(socket, "custom", "another"),
      // Stock's own listeners of "close" must stay, so another event is cleared.
      conn: tour(socket.conn, "close", "upgrade"),
    };
    socket.on("tour", (of: string, ack) => ack({ ...declared, ...own }[of]));

    socket.on("first", () => socket.emit("ran", "always"));
    socket.prependOnceListener("first", () => socket.emit("ran", "once, before the others"));

    outgoing(socket);
  });
}

/** Catch-all listeners of what the socket sends. */
function outgoing(socket: Socket): void {
  const seen: string[] = [];
  const see = (name: string) => (event: string) => {
    if (event === "out") seen.push(name);
  };
  const [first, second, removed] = [see("first"), see("second"), see("removed")];
  socket.onAnyOutgoing(second);
  socket.onAnyOutgoing(removed);
  socket.prependAnyOutgoing(first);
  socket.offAnyOutgoing(removed);
  socket.on("send out", (ack) => {
    seen.length = 0;
    socket.emit("out");
    ack(
      seen,
      socket.listenersAnyOutgoing().map((one) => [first, second].indexOf(one)),
    );
  });
}
