import type { Event } from "../common/typed-events.ts";
import { scopes } from "../invocation/scope.ts";
import { eventName, type Listener } from "../socket/listeners.ts";
import { notePackets } from "../socket/packet-create.ts";
import type { SocketCore } from "../socket/socket-core.ts";
import { traceHas } from "../socket/trace.ts";

/** An event of the client. */
export interface ClientEvent {
  /** Its name, which may be a number or missing, as on stock, and its arguments. */
  readonly data: readonly unknown[];
  readonly ackId: number | undefined;
}

/**
 * Hands an event to the application: catch-all listeners, `socket.use` middlewares, then the event's own listeners, as
 * stock does. The promises of the listeners are the invocation's to wait for.
 * @returns resolves when they have settled, also those that a middleware leads to before it settles; undefined if they have
 */
export function dispatch(socket: SocketCore, event: ClientEvent): Promise<void> | undefined {
  const running = new Running(socket);
  socket.runAs({ mode: "live" }, () => {
    const ack = event.ackId === undefined ? [] : [ackCallback(socket, event.ackId)];
    // What middlewares and catch-all listeners get is typed as what well-behaved clients send.
    const values = [...event.data, ...ack] as Event;
    for (const listener of socket.listeners.any)
      running.run("onAny", () => listener.apply(socket.facade, values));
    pass(running, values, 0);
  });
  return running.settled();
}

/** The application's functions that one event has called. */
class Running {
  readonly socket: SocketCore;
  /** Those of the replay before the event: a later event in the same invocation has others. */
  readonly listeners: SocketCore["listeners"];
  readonly #promises: Promise<void>[] = [];

  constructor(socket: SocketCore) {
    this.socket = socket;
    this.listeners = socket.listeners;
  }

  /** @param name of what is listened to, as the log says it */
  run(name: string, code: () => unknown): void {
    const done = runListener(this.socket, name, code);
    if (done) this.#promises.push(done);
  }

  settled(): Promise<void> | undefined {
    return this.#promises.length === 0 ? undefined : this.#allSettled();
  }

  async #allSettled(): Promise<void> {
    // Each may lead to the next: a middleware to the listeners.
    for (let done = this.#promises.shift(); done; done = this.#promises.shift()) await done;
  }
}

/** From one `socket.use` middleware to the next, then to the listeners. */
function pass(running: Running, values: Event, index: number): void {
  const { socket, listeners } = running;
  const middleware = listeners.middlewares[index];
  if (!middleware) {
    callListeners(running, values);
    return;
  }
  running.run("socket.use", () =>
    middleware(values, (error) => {
      if (error) emitError(socket, error);
      else pass(running, values, index + 1);
    }),
  );
}

function callListeners(running: Running, [name, ...args]: readonly unknown[]): void {
  const { socket } = running;
  if (!socket.life.connected) return; // a middleware or an earlier handler has disconnected it
  const event = eventName(name);
  const listeners = running.listeners.of(event);
  if (listeners.length === 0) reportLostHandler(socket, event);
  const run = (listener: Listener): void =>
    running.run(JSON.stringify(event), () => listener.fn.apply(socket.facade, [...args]));
  if (listeners.every(({ once }) => once === undefined)) {
    for (const listener of listeners) run(listener);
    return;
  }
  running.run(JSON.stringify(event), async () => {
    for (const listener of await claimed(socket, listeners)) run(listener);
  });
}

/** Without the `once` listeners that have run, or that another invocation has claimed just now. In order, as on stock. */
async function claimed(socket: SocketCore, listeners: readonly Listener[]): Promise<readonly Listener[]> {
  const { store } = socket.invocation.ports;
  const mine = await Promise.all(
    listeners.map(async ({ once }) => {
      if (once === undefined) return true;
      if (socket.spent.has(once)) return false;
      socket.spent.add(once); // whoever claims it: this event, or one that came before it
      return await store.claimOnce(socket.key, socket.id, once);
    }),
  );
  return listeners.filter((_, index) => mine[index]);
}

/** `socket.on("error")`: what middlewares and bad packets lead to. Without a listener nothing happens, as on stock. */
export function emitError(socket: SocketCore, error: Error): void {
  for (const { fn } of socket.listeners.of("error")) void runListener(socket, '"error"', () => fn(error));
}

function runListener(socket: SocketCore, name: string, code: () => unknown): Promise<void> | undefined {
  const what = `the handler of ${name}`;
  const done = socket.call(what, "SKY_HANDLER_FAILED", code);
  if (done) void socket.invocation.track(what, done);
  return done;
}

/**
 * The function that the application answers with: once, where it is called among the other packets. It returns nothing, as on
 * stock: a handler such as `(value, ack) => ack(value)` would otherwise wait for its own answer, which as a route response
 * waits for the end of the handler.
 */
function ackCallback(socket: SocketCore, id: number): (...data: unknown[]) => void {
  let sent = false;
  return (...data) => {
    if (sent || !socket.life.reachable) return;
    const frames = socket.nsp.server.codec.encode({ type: "ack", nsp: socket.nsp.name, id, data });
    notePackets(socket, frames);
    sent = true; // not before: who catches that a value cannot be encoded may answer with another
    const { invocation, nsp } = socket;
    const { stay } = scopes.getStore() ?? {};
    void invocation.act("the acknowledgement", async () => {
      if (socket.state.unsaved) return { rest: false };
      const kept = nsp.shared && invocation.tenures.of(nsp.shared).keep(stay);
      return { rest: invocation.posts.answer(socket.recipient, frames, kept) };
    });
  };
}

function reportLostHandler(socket: SocketCore, event: string): void {
  const had = traceHas(socket.firstTrace, "on", event);
  if (!had || socket.listeners.any.length > 0) return;
  socket.invocation.ports.log.error(
    "SKY_HANDLER_LOST",
    `nobody handles ${JSON.stringify(event)}: the connection listener registered a handler when the client connected, but not when it ran again for this event. Register handlers unconditionally, and decide inside them.`,
    { nsp: socket.nsp.name, socket: socket.id },
  );
}
