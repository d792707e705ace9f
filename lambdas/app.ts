/**
 * The example application: a chat with rooms, direct messages, and a notice board in a second namespace. It is plain
 * Socket.IO but for two calls, `io.inbox` and `socket.openInbox`: without the direct messages, which need them, it runs on
 * stock when you import `Server` from "socket.io". It is one file, so that you can copy it.
 *
 * It shows how to write for a server that forgets everything between two events: no variable outlives a handler,
 * what must last is in `socket.data`, `socket.rooms` and in the rooms' members, and every handler is registered when
 * the socket connects.
 *
 * And what becomes of events that a client misses. Who types is nobody's business later: volatile. Rooms recover: who
 * comes back within two minutes is in the room as before and gets what was said. A direct message waits in the inbox of the
 * person that it is for, until a page of theirs has acknowledged it.
 */
import { createHash } from "node:crypto";
import { type Namespace, Server, type Socket } from "skysocket";

interface Person {
  /** Of the socket, which is this person for the moment. */
  id: string;
  nickname: string;
  /** Where direct messages reach this person, now or when they come back. Whoever knows it can write, not read. */
  address: string;
}
interface Message {
  id: string;
  room: string;
  from: Person;
  text: string;
  /** Milliseconds since the epoch. Messages that two people send at once may arrive in either order: clients sort by this. */
  at: number;
}
interface DirectMessage {
  id: string;
  from: Person;
  /** The address that it went to. */
  to: string;
  text: string;
  at: number;
}
/** `at` tells which is newer: of two functions that run at the same time, either may be heard first. */
interface Presence {
  room: string;
  person: Person;
  at: number;
}
interface Notice {
  from: Pick<Person, "id" | "nickname">;
  text: string;
  at: number;
}
/** Every request is answered: with its result, or with the reason why it was refused. */
type Ack<Result = object> = (answer: ({ ok: true } & Result) | { ok: false; reason: string }) => void;

interface SocketData {
  nickname: string;
  address: string;
  notice?: Notice;
}
interface ChatRequests {
  join: (room: string, ack: Ack<{ room: string; people: Person[]; count: number }>) => void;
  leave: (ack: Ack) => void;
  message: (room: string, text: string, ack: Ack<{ message: Message }>) => void;
  /** Answered when it is stored: from then on it reaches them, whether they are here or not. */
  direct: (address: string, text: string, ack: Ack<{ message: DirectMessage }>) => void;
  /** Since when the client is connected, by the server's clock: what is older has waited for it. */
  since: (ack: Ack<{ at: number }>) => void;
  typing: (room: string, typing: boolean) => void;
  nickname: (nickname: string, ack: Ack<{ nickname: string }>) => void;
}
interface ChatEvents {
  message: (message: Message) => void;
  /** Clients acknowledge it (its last argument) when they have kept it. It may come twice. */
  direct: (message: DirectMessage) => void;
  typing: (event: { room: string; from: Person; typing: boolean }) => void;
  /** `back`: they had lost the connection, and nothing else. */
  joined: (event: Presence & { back: boolean }) => void;
  left: (event: Presence) => void;
  renamed: (event: { room: string; person: Person; before: string }) => void;
}
interface BoardRequests {
  notices: (ack: Ack<{ notices: Notice[] }>) => void;
  post: (text: string, ack: Ack<{ notice: Notice }>) => void;
  withdraw: (ack: Ack) => void;
  nickname: (nickname: string, ack: Ack<{ nickname: string }>) => void;
}
interface BoardEvents {
  notice: (notice: Notice) => void;
  withdrawn: (id: string) => void;
}
type NoEvents = Record<string, never>;
type ChatSocket = Socket<ChatRequests, ChatEvents, NoEvents, SocketData>;
type BoardSocket = Socket<BoardRequests, BoardEvents, NoEvents, SocketData>;

const MAX_NICKNAME = 24;
const MAX_ROOM = 32;
const MAX_MESSAGE = 1000;
const MAX_NOTICE = 200;
/** A list of people must fit into one packet; `count` tells how many there are. */
const MAX_LISTED = 200;
/** What a page makes of 128 random bits, or more. */
const KEY = /^[\w-]{22,64}$/;
/** A hash in base64url. */
const ADDRESS = /^[\w-]{43}$/;

/** A client asked for something it cannot have. The message is for the person in front of it. */
class Refusal extends Error {}

/**
 * What a client sends is whatever a stranger likes, so the event maps above are a promise that nobody has to keep.
 * Control characters, lone surrogates and the invisible ones that turn the text around them are taken out.
 */
function readText(value: unknown, what: string, max: number): string {
  if (typeof value !== "string") throw new Refusal(`${what} must be text, not ${typeof value}.`);
  const text = value
    .replace(/(?!\n)[\p{Cc}\p{Cs}\p{Bidi_Control}]/gu, " ")
    .normalize("NFC")
    .trim();
  if (text === "") throw new Refusal(`${what} is empty.`);
  if (text.length > max) {
    throw new Refusal(`${what} has ${text.length} characters; ${max} are allowed.`);
  }
  return text;
}
const readLine = (value: unknown, what: string, max: number) =>
  readText(typeof value === "string" ? value.replace(/\s+/g, " ") : value, what, max);
const readNickname = (value: unknown) => readLine(value, "The nickname", MAX_NICKNAME);
const readRoom = (value: unknown) => readLine(value, "The room's name", MAX_ROOM).toLowerCase();
function readAddress(value: unknown): string {
  if (typeof value === "string" && ADDRESS.test(value)) return value;
  throw new Refusal("Nobody has this address.");
}

/**
 * Runs a request and answers it. A client may send no ack function, or something else in its place. What went wrong
 * inside is for the log, not for strangers.
 */
async function answer<Result>(ack: unknown, request: () => Result | Promise<Result>): Promise<void> {
  const reply = typeof ack === "function" ? ack : () => {};
  try {
    const result = await request();
    reply({ ok: true, ...result });
  } catch (error) {
    if (!(error instanceof Refusal)) console.error("A request failed:", error);
    reply({ ok: false, reason: error instanceof Refusal ? error.message : "Something went wrong here." });
  }
}

const io = new Server<ChatRequests, ChatEvents, NoEvents, SocketData>({
  // Who comes back passes the middlewares too: the nickname may be another one by then.
  connectionStateRecovery: { maxDisconnectionDuration: 2 * 60_000, skipMiddlewares: false },
});
const board: Namespace<BoardRequests, BoardEvents, NoEvents, SocketData> = io.of("/board");

/** Both namespaces want a nickname in `auth`; without a usable one the client gets a `connect_error` that says why. */
function requireNickname(socket: ChatSocket | BoardSocket, next: (error?: Error) => void): void {
  const auth: { nickname?: unknown } = socket.handshake.auth;
  try {
    socket.data.nickname = readNickname(auth.nickname);
    next();
  } catch (error) {
    const reason = error instanceof Refusal ? error.message : "The nickname could not be read.";
    next(Object.assign(new Error(reason), { data: { field: "nickname" } }));
  }
}
io.use(requireNickname);
board.use(requireNickname);

/**
 * Without accounts, a person is who has the key that their page has made and keeps to itself. Others know its hash, the address:
 * they can put something into the inbox of that name, but only the key opens it. An application with accounts would check
 * a token here, and name the inbox after the account.
 */
io.use((socket, next) => {
  const auth: { key?: unknown } = socket.handshake.auth;
  if (typeof auth.key !== "string" || !KEY.test(auth.key)) {
    next(new Error("The key (auth.key) must be 22 to 64 letters, digits, - and _, made at random."));
    return;
  }
  socket.data.address = createHash("sha256").update(auth.key).digest("base64url");
  next();
});
const INBOX = "person:";

const personOf = (socket: { id: string; data: Partial<SocketData> }): Person => ({
  id: socket.id,
  nickname: socket.data.nickname ?? "",
  address: socket.data.address ?? "",
});
const authorOf = (socket: BoardSocket) => ({ id: socket.id, nickname: socket.data.nickname });
const newId = (at: number) => `${at}-${Math.random().toString(36).slice(2, 10)}`;

/**
 * A chat room is a Socket.IO room of another name, since every socket id is a room too: who could join the room of
 * somebody's id would read what is meant for that one person.
 */
const ROOM = "room:";
const roomsOf = (socket: ChatSocket) =>
  [...socket.rooms].filter((name) => name.startsWith(ROOM)).map((name) => name.slice(ROOM.length));

/** Refuses what is not about a room that the client is in. */
function requireMember(socket: ChatSocket, room: string): void {
  if (!socket.rooms.has(ROOM + room)) throw new Refusal(`You are not in the room ${room}.`);
}

async function leave(socket: ChatSocket, room: string): Promise<void> {
  await socket.leave(ROOM + room);
  io.to(ROOM + room).emit("left", { room, person: personOf(socket), at: Date.now() });
}

function announce(socket: ChatSocket, room: string, { back }: { back: boolean }): void {
  socket.to(ROOM + room).emit("joined", { room, person: personOf(socket), at: Date.now(), back });
}

/** Moves the socket: one room at a time. Joining first and listing then misses nobody; clients fold both together. */
async function join(socket: ChatSocket, room: string) {
  for (const other of roomsOf(socket)) {
    if (other !== room) await leave(socket, other);
  }
  await socket.join(ROOM + room);
  announce(socket, room, { back: false });
  const members = await io.in(ROOM + room).fetchSockets();
  const people = members.map(personOf).slice(0, MAX_LISTED);
  return { room, people, count: members.length };
}

io.on("connection", (socket) => {
  // Sends what waits, and from now on what comes. Behind the middleware: nobody gets this far without the inbox's key.
  socket.openInbox(INBOX + socket.data.address);

  // The others were told that it left: the server cannot know who comes back.
  if (socket.recovered) for (const room of roomsOf(socket)) announce(socket, room, { back: true });

  socket.on("since", (ack: unknown) => answer(ack, () => ({ at: socket.handshake.issued })));

  socket.on("join", (room: unknown, ack: unknown) => answer(ack, () => join(socket, readRoom(room))));

  socket.on("leave", (ack: unknown) =>
    answer(ack, async () => {
      for (const room of roomsOf(socket)) await leave(socket, room);
    }),
  );

  socket.on("message", (to: unknown, text: unknown, ack: unknown) =>
    answer(ack, () => {
      const room = readRoom(to);
      requireMember(socket, room);
      const from = personOf(socket);
      const at = Date.now();
      const message = { id: newId(at), room, from, text: readText(text, "The message", MAX_MESSAGE), at };
      // The sender gets it in the answer: one message less to pay for than a broadcast to everybody and an answer.
      socket.to(ROOM + room).emit("message", message);
      return { message };
    }),
  );

  socket.on("direct", (to: unknown, text: unknown, ack: unknown) =>
    answer(ack, async () => {
      const at = Date.now();
      const address = readAddress(to);
      const words = readText(text, "The message", MAX_MESSAGE);
      const message = { id: newId(at), from: personOf(socket), to: address, text: words, at };
      await io.inbox(INBOX + address).emit("direct", message);
      return { message };
    }),
  );

  socket.on("typing", (to: unknown, typing: unknown) =>
    answer(undefined, () => {
      const room = readRoom(to);
      requireMember(socket, room);
      socket
        .to(ROOM + room)
        .volatile.emit("typing", { room, from: personOf(socket), typing: typing === true });
    }),
  );

  socket.on("nickname", (value: unknown, ack: unknown) =>
    answer(ack, () => {
      const before = socket.data.nickname;
      const nickname = readNickname(value);
      socket.data.nickname = nickname;
      for (const room of roomsOf(socket)) {
        socket.to(ROOM + room).emit("renamed", { room, person: personOf(socket), before });
      }
      return { nickname };
    }),
  );

  // `disconnecting`, since at `disconnect` the rooms are gone.
  socket.on("disconnecting", () => {
    for (const room of roomsOf(socket)) {
      socket.to(ROOM + room).emit("left", { room, person: personOf(socket), at: Date.now() });
    }
  });
});

/** A notice hangs as long as its author is here: it is the author's `data`, and the board is everybody's together. */
board.on("connection", (socket) => {
  socket.on("notices", (ack: unknown) =>
    answer(ack, async () => {
      const sockets = await board.fetchSockets();
      const notices = sockets.flatMap(({ data }) => (data.notice ? [data.notice] : []));
      return { notices: notices.sort((a, b) => b.at - a.at).slice(0, MAX_LISTED) };
    }),
  );

  socket.on("post", (text: unknown, ack: unknown) =>
    answer(ack, () => {
      const notice = {
        from: authorOf(socket),
        text: readText(text, "The notice", MAX_NOTICE),
        at: Date.now(),
      };
      socket.data.notice = notice;
      socket.broadcast.emit("notice", notice);
      return { notice };
    }),
  );

  const withdraw = () => {
    if (!socket.data.notice) return;
    delete socket.data.notice;
    socket.broadcast.emit("withdrawn", socket.id);
  };
  socket.on("withdraw", (ack: unknown) => answer(ack, withdraw));
  socket.on("disconnecting", withdraw);

  socket.on("nickname", (value: unknown, ack: unknown) =>
    answer(ack, () => {
      const nickname = readNickname(value);
      socket.data.nickname = nickname;
      if (socket.data.notice) {
        socket.data.notice = { ...socket.data.notice, from: authorOf(socket) };
        socket.broadcast.emit("notice", socket.data.notice);
      }
      return { nickname };
    }),
  );
});

export default io;
