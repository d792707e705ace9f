import { Effect, resolved } from "../common/effect.ts";
import type { AnyFunction } from "../common/typed-events.ts";
import type { Json } from "../ports/sockets.ts";
import { type Receiver, toReceiver } from "../posting/post-to-all.ts";
import { notePackets } from "../socket/packet-create.ts";
import type { SocketCore } from "../socket/socket-core.ts";
import { askTimeout, awaitAnswer, noteAsk } from "./asks.ts";
import { resolveMembers, sendTo } from "./broadcast.ts";
import { eventPacket, isKept } from "./event-packet.ts";
import { type Asked, ask, type Question, timedOut, toArguments, type Waiting } from "./questions.ts";

/** Names that mean something to Socket.IO itself. */
export const RESERVED_EVENTS: ReadonlySet<string> = new Set([
  "connect",
  "connect_error",
  "disconnect",
  "disconnecting",
  "newListener",
  "removeListener",
]);

export function assertNotReserved(event: string): void {
  if (RESERVED_EVENTS.has(event)) throw new Error(`"${event}" is a reserved event name`);
}

export interface EmitFlags {
  /** Milliseconds, of `timeout()`. */
  readonly timeout?: number;
  /** Of `volatile`. */
  readonly volatile?: boolean;
  /** Of `compress()`: changes nothing but what listeners of packets are told. */
  readonly compress?: boolean;
}

/** `socket.emit`: one packet to the socket's own connection. */
export function emitToSocket(
  socket: SocketCore,
  event: string,
  args: readonly unknown[],
  flags: EmitFlags,
): Effect<void> {
  assertNotReserved(event);
  const last = args.at(-1);
  if (typeof last === "function") {
    return emitWithCallback(socket, event, args.slice(0, -1), last as AnyFunction, flags);
  }
  socket.note("emit", event);
  if (socket.mode() === "replay") return resolved(undefined);
  return sendEvent(socket, event, args, undefined, flags);
}

function sendEvent(
  socket: SocketCore,
  event: string,
  args: readonly unknown[],
  id: number | undefined,
  { volatile, compress }: Pick<EmitFlags, "volatile" | "compress">,
): Effect<void> {
  const { invocation, nsp } = socket;
  const kept = isKept(nsp.server, { id, volatile });
  // As on stock, what is sent after the end goes nowhere; but a session that may come back is owed what it misses.
  if (!socket.life.reachable && !(socket.life.gone && kept)) return resolved(undefined);
  const data = [event, ...args];
  for (const listener of socket.listeners.anyOutgoing) listener(...data);
  // Encoded now: the application may change its objects before the packet has its turn.
  const packet = eventPacket(invocation, nsp.server, nsp.name, data, { id, volatile });
  notePackets(socket, packet.frames, compress);
  const audience = { nsp: nsp.name, rooms: new Set([socket.id]), except: new Set<string>() };
  // With recovery on, the session may have gone on elsewhere since this event began: as on stock, what it is kept for goes to
  // the room of the socket's id. Posted to the connection of before, it would not come until the client is cut off once more.
  const receivers = async (): Promise<readonly Receiver[]> =>
    packet.log
      ? (await resolveMembers(invocation, audience)).map(toReceiver)
      : [{ ...socket.recipient, id: socket.id }];
  return invocation.act(`emit(${JSON.stringify(event)})`, async () => {
    if (id !== undefined) await noteAsk(invocation, nsp.name, id);
    return await sendTo(invocation, audience, packet, receivers);
  });
}

/** Calls back with the client's answer: `(…answer)`, or after `timeout()` `(error, …answer)`. */
function emitWithCallback(
  socket: SocketCore,
  event: string,
  args: readonly unknown[],
  callback: AnyFunction,
  flags: EmitFlags,
): Effect<void> {
  const { sent, answer, call: within } = askSocket(socket, event, args, { ...flags, inCode: false });
  const call = (...values: unknown[]): Promise<void> | undefined =>
    socket.call(`the acknowledgement callback of ${JSON.stringify(event)}`, "SKY_HANDLER_FAILED", () =>
      callback(...values),
    );
  // Without `timeout()` a callback has no place for an error, as on stock: then the log has it.
  const called =
    flags.timeout === undefined
      ? answer.then((values) => (values ? within(() => call(...values)) : undefined))
      : answer.then(
          (values) => within(() => (values ? call(null, ...values) : call(timedOut()))),
          (error: unknown) => call(error),
        );
  if (socket.mode() === "live") {
    void socket.invocation.track(`the acknowledgement of ${JSON.stringify(event)}`, called);
  }
  return sent;
}

/**
 * `socket.emitWithAck`: the first value of the client's answer.
 * Rejects with "operation has timed out" after `timeout()`, or 10 s.
 */
export function emitWithAck(
  socket: SocketCore,
  event: string,
  args: readonly unknown[],
  flags: EmitFlags,
): Promise<unknown> {
  assertNotReserved(event);
  const { answer } = askSocket(socket, event, args, { ...flags, inCode: true });
  const first = answer.then((values) => {
    if (!values) throw timedOut();
    return values[0];
  });
  // The replay waits for its listeners itself, and an answer that was never recorded never comes.
  if (socket.mode() === "replay") return Effect.of(first, () => undefined);
  return socket.invocation.track(`emitWithAck(${JSON.stringify(event)})`, first);
}

function askSocket(
  socket: SocketCore,
  event: string,
  args: readonly unknown[],
  { inCode, ...flags }: EmitFlags & Waiting,
): Asked<unknown[] | undefined> {
  const question: Question<void, Json | undefined> = {
    event,
    timeout: askTimeout(flags.timeout),
    send: (_, id) => sendEvent(socket, event, args, id, flags),
    wait: (ports, _, { id, until }) =>
      awaitAnswer(ports, socket.id, id, { until, hopeless: () => socket.life.gone }),
    toRecord: (json) => json ?? "null",
    fromRecord: (recorded) => recorded,
  };
  const { invocation, nsp } = socket;
  const acting = { invocation, socket, mode: socket.mode() };
  const { answer, ...asked } = ask(nsp.server, acting, question, { inCode });
  return { ...asked, answer: answer.then(toArguments) };
}
