// Compiled, never run. skysocket.ts and stock.ts differ in this import only: both libraries accept and refuse the same.
import {
  type BroadcastOperator,
  type DefaultEventsMap,
  type DisconnectReason,
  type Event,
  type ExtendedError,
  Namespace,
  type RemoteSocket,
  Server,
  type ServerOptions,
  Socket,
} from "skysocket";

interface ClientEvents {
  message: (text: string) => void;
  add: (a: number, b: number, ack: (sum: number) => void) => void;
  nothing: () => void;
}

interface ServerEvents {
  message: (text: string) => void;
  noted: (id: number, tags: string[]) => void;
  ask: (question: string, ack: (answer: number) => void) => void;
}

interface Data {
  name: string;
  visits?: number;
}

type AppServer = Server<ClientEvents, ServerEvents, DefaultEventsMap, Data>;
type AppSocket = Socket<ClientEvents, ServerEvents, DefaultEventsMap, Data>;
type AppNamespace = Namespace<ClientEvents, ServerEvents, DefaultEventsMap, Data>;

/** Fails to compile if the value is not exactly of the type: `any` is not. */
type Exactly<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const exactly = <Expected>() => ({
  is: <Actual>(_value: Actual, ..._proof: Exactly<Actual, Expected> extends true ? [] : [never]): void => {},
});

export function handlers(socket: AppSocket): void {
  socket.on("message", (text) => exactly<string>().is(text));
  socket.on("add", (a, b, ack) => {
    ack(a + b);
    // @ts-expect-error an answer is a number
    ack("sum");
  });
  socket.once("nothing", () => {});
  socket.on("disconnect", (reason) => exactly<DisconnectReason>().is(reason));
  socket.on("disconnecting", (reason) => exactly<DisconnectReason>().is(reason));
  socket.on("error", (error) => exactly<Error>().is(error));
  // @ts-expect-error no such event
  socket.on("massage", () => {});
  // @ts-expect-error its argument is a string
  socket.on("message", (text: number) => text);
  // @ts-expect-error it has no arguments
  socket.on("nothing", (text: string) => text);
  socket.onAny((event, ...args) => [event, args]);
  socket.use((event, next) => {
    exactly<Event>().is(event);
    next(new Error("no"));
  });
}

export function emits(socket: AppSocket): void {
  void socket.emit("message", "hello");
  void socket.emit("noted", 1, ["a"]);
  void socket.emit("ask", "what?", (answer) => exactly<number>().is(answer));
  void socket.timeout(1).emit("ask", "what?", (error, answer) => {
    exactly<Error>().is(error);
    exactly<number>().is(answer);
  });
  void socket.send("hello").write("hello");
  void socket.volatile.compress(true).emit("message", "hello");
  // @ts-expect-error clients do not listen to it
  void socket.emit("add", 1, 2);
  // @ts-expect-error its argument is a string
  void socket.emit("message", 1);
  // @ts-expect-error an argument is missing
  void socket.emit("noted", 1);
  // @ts-expect-error one argument too many
  void socket.emit("message", "hello", 1);
  // @ts-expect-error a message is a string
  void socket.send(1);
}

export function broadcasts(io: AppServer, nsp: AppNamespace, socket: AppSocket): void {
  for (const target of [
    io,
    nsp,
    io.to("r"),
    nsp.in(["a", "b"]).except("c"),
    socket.broadcast,
    socket.to("r"),
  ]) {
    void target.to("more").emit("message", "hello");
  }
  void io.emit("noted", 1, []);
  void io.to("r").volatile.emit("message", "hello");
  void io.to("r").emit("ask", "what?", (answers) => exactly<number[]>().is(answers));
  void nsp.timeout(1).emit("ask", "what?", (error, answers) => {
    exactly<Error>().is(error);
    exactly<number[]>().is(answers);
  });
  // @ts-expect-error without a timeout, a namespace does not ask
  void io.emit("ask", "what?", () => {});
  // @ts-expect-error no such event
  void io.to("r").emit("massage", "hello");
  // @ts-expect-error its argument is a string
  void socket.broadcast.emit("message", 1);
  // @ts-expect-error a room is a string
  void io.to(7);
}

export async function answers(io: AppServer, socket: AppSocket): Promise<void> {
  exactly<number>().is(await socket.emitWithAck("ask", "what?"));
  exactly<number>().is(await socket.timeout(1).emitWithAck("ask", "what?"));
  exactly<number[]>().is(await io.timeout(1).emitWithAck("ask", "what?"));
  exactly<number[]>().is(await io.to("r").timeout(1).emitWithAck("ask", "what?"));
  exactly<number[]>().is(await socket.broadcast.timeout(1).emitWithAck("ask", "what?"));
  // @ts-expect-error nobody answers it
  await socket.emitWithAck("message", "hello");
  // @ts-expect-error its argument is a string
  await io.timeout(1).emitWithAck("ask", 1);
}

export async function sockets(io: AppServer, socket: AppSocket): Promise<void> {
  exactly<Data>().is(socket.data);
  exactly<string>().is(socket.id);
  exactly<Set<string>>().is(socket.rooms);
  exactly<boolean>().is(socket.recovered);
  socket.data.visits = 1;
  // @ts-expect-error a name is a string
  socket.data.name = 1;
  // @ts-expect-error no such key
  socket.data.nane = "Ada";
  const [remote] = await io.in("r").fetchSockets();
  if (!remote) return;
  exactly<Data>().is(remote.data);
  void remote.emit("message", "hello");
  // @ts-expect-error its argument is a string
  void remote.emit("message", 1);
  const all: RemoteSocket<ServerEvents, Data>[] = await io.fetchSockets();
  all[0]?.disconnect(true);
  exactly<Set<string>>().is(await io.allSockets());
  exactly<Set<string>>().is(await io.of("/").in("r").allSockets());
  const operator: BroadcastOperator<DefaultEventsMap, Data> = new Server().to("r");
  void operator.socketsJoin(["a"]);
}

export function declarations(io: AppServer): void {
  io.use((socket, next) => {
    exactly<Data>().is(socket.data);
    const refusal: ExtendedError = new Error("no");
    refusal.data = { code: 7 };
    next(refusal);
    // @ts-expect-error a refusal is an Error
    next("no");
  });
  io.on("connection", (socket) => handlers(socket));
  const nsp: AppNamespace = io.of("/x", (socket) => handlers(socket));
  const dynamic: AppNamespace = io.of(/^\/x-\d+$/);
  io.of((name, auth, next) => next(null, name.length > 1 && auth.key === "right")).on("connect", handlers);
  io.on("new_namespace", (made) => exactly<string>().is(made.name));
  nsp.use((_socket, next) => next());
  dynamic.on("connection", handlers);
  // @ts-expect-error no such event of a namespace, nor of other servers
  io.of("/x").on("message", "not a listener");
}

/** Without types of events, everything goes. */
export async function untyped(): Promise<void> {
  const io = new Server();
  io.on("connection", (socket) => {
    socket.on("anything", (a, b, ack) => ack(a, b));
    void socket.emit("anything", 1, { two: 2 }, (answer: string) => answer);
    socket.data.anything = 1;
  });
  void io.emit("anything", 1);
  void io.to("r").emit("anything", 1, () => {});
  const answered: string = await io.timeout(1).emitWithAck("anything");
  exactly<string>().is(answered);
}

export function servers(http: import("node:http").Server, options: Partial<ServerOptions>): void {
  new Server(3000);
  new Server(http);
  new Server(http, {
    cors: { origin: ["https://a.example", /b/], credentials: true },
    transports: ["websocket"],
  });
  new Server(options);
  const io = new Server({
    path: "/x",
    serveClient: false,
    pingInterval: 25_000,
    maxHttpBufferSize: 1e6,
    connectTimeout: 45_000,
    cors: { origin: (origin, callback) => callback(null, origin === "https://a.example") },
    allowRequest: (request, fn) => fn(null, request.headers.origin === undefined),
    cookie: { name: "io", httpOnly: true },
    perMessageDeflate: { threshold: 1024 },
    cleanupEmptyChildNamespaces: true,
  });
  io.listen(3000).attach(http);
  io.engine.use((_request: unknown, _response: unknown, next: () => void) => next());
  io.engine.on("connection_error", (error) => error.code);
  void io.close();
  // @ts-expect-error no such option
  new Server({ pingIntervall: 1 });
}

/** Lines that applications have, whatever becomes of them when they run: they have to compile. */
export function ported(io: AppServer, socket: AppSocket): void {
  const options: Partial<ServerOptions> = {};
  options.path = "/x";
  options.cors = { origin: "*", methods: ["GET", "POST"] };
  options.transports = ["websocket"];
  options.connectionStateRecovery = {};
  socket.onAny((event: string, text: string, times: number) => event + text.repeat(times));
  socket.prependAny(async (event: string, ...args) => [event, args[0].anything]);
  socket.onAnyOutgoing((event: string, text: string) => event + text);
  socket.prependAnyOutgoing((event: string, ...args: [string, number]) => [event, args]);
  socket.on("disconnect", (_reason, description) => description?.message);
  if (socket.conn.transport.name === "polling" || socket.conn.protocol === 3) return;
  if (socket.conn.readyState === "opening") return;
  for (const [id, other] of io.of("/").sockets) [id.length, other.data.name, other.emit("message", "hello")];
  io.sockets.sockets.forEach((other, id) => {
    void other.emit("message", id);
  });
  io.sockets.sockets.get("id")?.emit("message", "hello");
  Array.from(io.sockets.sockets.values()).map((other) => other.id);
  exactly<number>().is(io.sockets.sockets.size);
  exactly<number>().is(io.engine.clientsCount);
  for (const room of io.of("/").adapter.rooms.keys()) exactly<string>().is(room);
  exactly<number | undefined>().is(io.of("/").adapter.sids.get(socket.id)?.size);
  io.of("/").adapter.on("join-room", (room: string, id: string) => room + id);
  if (io.httpServer.listening) io.httpServer.close();
}

export const classes = [Namespace, Server, Socket];
