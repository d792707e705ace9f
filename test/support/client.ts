import type { Socket } from "socket.io-client";
import type { Names } from "./scenario-names.ts";
import { type Entry, PATIENCE_MS, Trace } from "./scenario-trace.ts";

/**
 * Whether a busy machine did not open the connection in time. A client that connects again by itself would, and scenarios have that
 * turned off: it says nothing about what they compare.
 */
function wasTooBusy(error: Error): boolean {
  if (error.message === "timeout") return true;
  const cause: unknown = Reflect.get(error, "description");
  return / 50[234]$/.test(String(Reflect.get(Object(cause), "message")));
}

/** Thin recorder around the official client: everything it shows to an application goes into the trace, in that order. */
export class Client {
  readonly name: string;
  readonly socket: Socket;
  readonly trace: Trace;

  constructor(name: string, socket: Socket, names: Names) {
    this.name = name;
    this.socket = socket;
    this.trace = new Trace(name);
    socket.on("connect", () => {
      if (socket.id) names.learn(socket.id, name);
      this.trace.push(["connect"]);
    });
    socket.on("connect_error", (error) => {
      if (wasTooBusy(error)) {
        socket.connect();
        return;
      }
      this.trace.push(["connect_error", error.message, "data" in error ? error.data : undefined]);
    });
    socket.on("disconnect", (reason) => this.trace.push(["disconnect", reason]));
    socket.onAny((event: string, ...args: unknown[]) => this.trace.push(["on", event, ...args]));
  }

  /** The socket's id while it is connected. */
  get id(): string {
    if (!this.socket.id) throw new Error(`${this.name} has no id: it is not connected`);
    return this.socket.id;
  }

  emit(event: string, ...args: readonly unknown[]): void {
    this.socket.emit(event, ...args);
  }

  /** Emits with an acknowledgement, records it and resolves with what the server answered. */
  async ask(event: string, ...args: readonly unknown[]): Promise<readonly unknown[]> {
    this.socket.emit(event, ...args, (...answer: unknown[]) => this.trace.push(["ack", event, ...answer]));
    const entry = await this.trace.next(
      `the acknowledgement of "${event}"`,
      ([kind, name]) => kind === "ack" && name === event,
    );
    return entry.slice(2);
  }

  /** Answers the server's `event` from now on; `reply` gets its arguments and returns the answer's. */
  answer(event: string, reply: (...args: unknown[]) => readonly unknown[]): void {
    this.socket.on(event, (...args: unknown[]) => {
      const acknowledge = args.pop();
      if (typeof acknowledge === "function") acknowledge(...reply(...args));
    });
  }

  /** The arguments of the next `event` that nobody has waited for yet. */
  async next(event: string): Promise<readonly unknown[]> {
    const entry = await this.trace.next(`"${event}"`, ([kind, name]) => kind === "on" && name === event);
    return entry.slice(2);
  }

  connected(): Promise<Entry> {
    return this.trace.next("connect", ([kind]) => kind === "connect");
  }

  /** Until the server side of the connection is complete; not part of the trace. */
  async ready(): Promise<void> {
    await this.socket.timeout(PATIENCE_MS).emitWithAck("ready?");
  }

  refused(): Promise<Entry> {
    return this.trace.next("connect_error", ([kind]) => kind === "connect_error");
  }

  disconnected(): Promise<Entry> {
    return this.trace.next("disconnect", ([kind]) => kind === "disconnect");
  }

  /** Closes the transport under the socket, as a lost network does, but at once. */
  cut(): void {
    this.socket.io.engine.close();
  }

  /** Ends the recording and the connection; resolves when the connection is closed. */
  async stop(): Promise<void> {
    this.trace.close();
    const manager = this.socket.io;
    manager.reconnection(false);
    const open = manager._readyState !== "closed";
    const closed = new Promise<void>((resolve, reject) => {
      if (!open) return resolve();
      const timer = setTimeout(
        () => reject(new Error(`${this.name} could not close its connection`)),
        PATIENCE_MS,
      );
      manager.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.socket.disconnect();
    manager._close();
    await closed;
  }
}
