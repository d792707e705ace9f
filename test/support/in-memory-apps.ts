/**
 * Applications as people write them, each with one kind of state in memory. `// finds NAME` stands where a variable is
 * declared that must be named; every other one must not be. The first file is the application's module.
 */
export const IN_MEMORY_APPS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "an array of users": {
    "app.ts": `
import { Server } from "skysocket";
interface User { id: string; name: string }
const io = new Server();
const users: User[] = []; // finds users
const LIMIT = 20;
io.on("connection", (socket) => {
  socket.on("join", (name: string) => {
    if (users.length < LIMIT) users.push({ id: socket.id, name });
    io.emit("users", users);
  });
});
export default io;`,
  },
  "a map of games, changed through what it gives": {
    "app.ts": `
import { Server } from "skysocket";
type Game = { moves: string[]; turn?: string };
const io = new Server();
const games = new Map<string, Game>(); // finds games
const rules = { max: 2 };
io.on("connection", (socket) => {
  socket.on("move", (id: string, move: string) => {
    const game = games.get(id);
    if (!game || game.moves.length > rules.max) return;
    game.moves.push(move);
    game.turn = socket.id;
  });
});
export default io;`,
  },
  "a map that is filled where there is nothing yet": {
    "app.js": `
const { Server } = require("skysocket");
const io = new Server();
const rooms = {}; // finds rooms
io.on("connection", (socket) => {
  socket.on("join", (id) => {
    if (!rooms[id]) rooms[id] = { players: [] };
    rooms[id].players.push(socket.id);
  });
});
module.exports = io;`,
  },
  "a counter": {
    "index.js": `
const io = require("skysocket")();
let numUsers = 0; // finds numUsers
io.on("connection", (socket) => {
  let addedUser = false; // finds addedUser
  socket.on("new message", (data) => {
    socket.broadcast.emit("new message", { username: socket.username, message: data });
  });
  socket.on("add user", (username) => {
    if (addedUser) return;
    socket.username = username;
    ++numUsers;
    addedUser = true;
    socket.emit("login", { numUsers: numUsers });
  });
  socket.on("disconnect", () => {
    if (addedUser) --numUsers;
  });
});
module.exports = io;`,
  },
  "caches, clients, configuration": {
    "app.ts": `
import express from "express";
import { createClient } from "redis";
import { LRUCache } from "lru-cache";
import { PrismaClient } from "@prisma/client";
import { createServer } from "node:http";
import { Server } from "skysocket";
import { settings } from "./settings.js";
const app = express();
app.set("trust proxy", true);
app.locals.title = "chat";
const io = new Server(createServer(app));
const redis = createClient();
const prisma = new PrismaClient();
const seen = new LRUCache<string, string>({ max: 10 });
const userCache = new Map<string, unknown>();
const profiles = new Map<string, unknown>();
const COLORS = ["red", "blue"];
const byName: Record<string, string> = {};
for (const color of COLORS) byName[color] = color.toUpperCase();
let connected = false;
let pool: unknown;
let config: Record<string, string> | undefined;
async function load() {
  config = JSON.parse(await redis.get("config"));
}
await load();
function getPool() {
  if (!pool) pool = redis.duplicate();
  return pool;
}
async function profileOf(id: string) {
  if (profiles.has(id)) return profiles.get(id);
  const profile = await prisma.profile.find(id);
  profiles.set(id, profile);
  return profile;
}
redis.on("connect", () => { connected = true; });
app.get("/", (_request: unknown, response: { send(x: unknown): void }) => { response.send({ connected, config }); });
io.use(async (socket, next) => {
  socket.data.profile = await profileOf(socket.handshake.auth.id);
  next();
});
io.on("connection", (socket) => {
  const user = socket.data.user ?? {};
  const name = String(socket.handshake.auth.name);
  socket.on("read", async (id: string, ack) => {
    let total = 0;
    const found: string[] = [];
    for (const key of await redis.keys("*")) { total += key.length; found.push(key); }
    found.sort().forEach((key) => { total -= key.length; });
    userCache.set(id, found);
    seen.set(id, name);
    user.last = id;
    socket.data.user = user;
    socket.data.tags = [...(socket.data.tags ?? []), byName[id]];
    getPool();
    ack(total, settings.title);
  });
});
export default io;`,
    "settings.ts": `
export const settings = { title: "" };
settings.title = process.env.TITLE ?? "chat";`,
  },
  "a client that is made when it is first needed": {
    "app.js": `
import mongoose from "mongoose";
import { Server } from "skysocket";
const io = new Server();
let connection = null;
let models;
async function db() {
  if (connection) return connection;
  connection = await mongoose.connect(process.env.URL);
  return connection;
}
const modelsOf = async () => (models ??= await import("./models.js"));
io.on("connection", (socket) => {
  socket.on("save", async (text) => { await (await db()).collection("texts").insertOne({ text, models: await modelsOf() }); });
});
export default io;`,
    "models.js": "export const Text = {};",
  },
  "variables of the listener": {
    "app.ts": `
import { Server } from "skysocket";
const io = new Server();
io.on("connection", (socket) => {
  const id = socket.id;
  let name: string | undefined; // finds name
  const player = { x: 0, y: 0 }; // finds player
  const limits = { x: 100 };
  const near = (x: number) => Math.abs(x - player.x) < limits.x;
  let greeting = "hello";
  if (socket.handshake.auth.lang === "de") greeting = "hallo";
  function setName(next: string) { name = next; }
  socket.on("name", (next: string) => { setName(next); socket.emit("greeting", greeting, id); });
  socket.on("move", (x: number, y: number) => {
    if (!near(x)) return;
    player.x = x;
    player.y = y;
    io.emit("moved", name, player);
  });
});
export default io;`,
  },
  timers: {
    "app.js": `
import { Server } from "skysocket";
const io = new Server();
const timers = {}; // finds timers
let round; // finds round
io.on("connection", (socket) => {
  let typing; // finds typing
  socket.on("typing", () => {
    clearTimeout(typing);
    typing = setTimeout(() => socket.broadcast.emit("stopped"), 1000);
  });
  socket.on("start", (game) => {
    timers[game] = setTimeout(() => io.emit("over", game), 60000);
    round = setInterval(() => io.emit("tick"), 1000);
  });
  socket.on("stop", () => clearInterval(round));
});
export default io;`,
  },
  "objects by the socket's id": {
    "app.js": `
import { Server } from "skysocket";
const io = new Server();
var users = {}; // finds users
var sockets = []; // finds sockets
io.on("connection", onConnection);
function onConnection(socket) {
  sockets.push(socket);
  socket.on("new-user", (name) => { users[socket.id] = name; });
  socket.on("disconnect", () => { leave(socket); });
}
function leave(socket) {
  socket.broadcast.emit("user-disconnected", users[socket.id]);
  delete users[socket.id];
}
export default io;`,
  },
  "functions of another file": {
    "server.js": `
const { Server } = require("skysocket");
const formatMessage = require("./utils/messages");
const { userJoin, getCurrentUser, userLeave, getRoomUsers } = require("./utils/users");
const io = new Server();
const botName = "Bot";
io.on("connection", (socket) => {
  socket.on("joinRoom", ({ username, room }) => {
    const user = userJoin(socket.id, username, room);
    socket.join(user.room);
    io.to(user.room).emit("roomUsers", { room: user.room, users: getRoomUsers(user.room) });
  });
  socket.on("chatMessage", (msg) => {
    const user = getCurrentUser(socket.id);
    io.to(user.room).emit("message", formatMessage(user.username, msg, botName));
  });
  socket.on("disconnect", () => { userLeave(socket.id); });
});
module.exports = io;`,
    "utils/users.js": `
const users = []; // finds users
const rooms = ["a", "b"];
function userJoin(id, username, room) {
  const user = { id, username, room };
  users.push(user);
  return user;
}
function getCurrentUser(id) { return users.find((user) => user.id === id); }
function userLeave(id) {
  const index = users.findIndex((user) => user.id === id);
  if (index !== -1) return users.splice(index, 1)[0];
}
function getRoomUsers(room) { return users.filter((user) => user.room === room && rooms.includes(room)); }
module.exports = { userJoin, getCurrentUser, userLeave, getRoomUsers };`,
    "utils/messages.js": `
let made = 0;
module.exports = function formatMessage(username, text, bot) { return { username: username || bot, text, made }; };`,
  },
  "a class whose instance is exported": {
    "app.ts": `
import { Server } from "skysocket";
import { manager } from "./manager.ts";
import { Point } from "./point.ts";
const io = new Server();
io.on("connection", (socket) => {
  socket.on("create", (id: string) => { manager.create(id); });
  socket.on("point", (x: number, ack) => { const point = new Point(x); point.move(1); ack(point.x); });
});
export default io;`,
    "manager.ts": `
export class RoomManager {
  #rooms = new Map<string, string[]>();
  readonly limit = 5;
  create(id: string): void { if (this.#rooms.size < this.limit) this.#rooms.set(id, []); }
}
export const manager = new RoomManager(); // finds manager`,
    "point.ts": `
export class Point {
  x: number;
  constructor(x: number) { this.x = x; }
  move(by: number): void { this.x += by; }
}`,
  },
  "a class that is given the server": {
    "app.ts": `
import { Server, type Socket } from "skysocket";
import { Base } from "./base.ts";
class Game extends Base { // finds Game
  players: string[] = [];
  readonly io: Server;
  constructor(io: Server) {
    super();
    this.io = io;
    this.io.on("connection", (socket: Socket) => this.connected(socket));
  }
  connected(socket: Socket): void {
    socket.on("join", this.join.bind(this, socket));
  }
  join(socket: Socket): void {
    this.players.push(socket.id);
    this.touch();
  }
}
const io = new Server();
new Game(io);
export default io;`,
    "base.ts": "export class Base { at = 0; touch(): void { this.at = Date.now(); } }",
  },
  "a state object, and another with methods": {
    "app.ts": `
import { Server } from "skysocket";
import * as store from "./store.ts";
import state from "./state.ts";
const io = new Server();
io.on("connection", (socket) => {
  socket.on("vote", (what: string) => { state.votes[what] = (state.votes[what] ?? 0) + 1; store.board.draw(what); });
  socket.on("clear", () => { store.clear(); store.list.length = 0; });
});
export default io;`,
    "state.ts": `
const state: { votes: Record<string, number> } = { votes: {} }; // finds state
export default state;`,
    "store.ts": `
export const list: string[] = []; // finds list
let version = 1; // finds version
export const board = { // finds board
  strokes: [] as string[],
  draw(stroke: string): void { this.strokes.push(stroke); },
};
export function clear(): void { version++; }`,
  },
  "a closure that a function makes": {
    "app.js": `
import { Server } from "skysocket";
const io = new Server();
function createStore() {
  const items = []; // finds items
  return { add(item) { items.push(item); }, all: () => [...items] };
}
function scoreOf(words) {
  let score = 0;
  words.forEach((word) => { score += word.length; });
  const twice = () => { score *= 2; };
  twice();
  return score;
}
const store = createStore();
scoreOf(["a"]);
io.on("connection", (socket) => {
  socket.on("add", (item, ack) => { store.add(item); ack(store.all(), scoreOf([item])); });
});
export default io;`,
  },
  "a function that is given the server": {
    "index.js": `
const { Server } = require("skysocket");
const io = new Server();
require("./sockets")(io);
require("./routes").init(io);
module.exports = io;`,
    "sockets.js": `
const register = require("./register");
module.exports = (io) => {
  const online = new Set(); // finds online
  io.on("connection", (socket) => {
    online.add(socket.id);
    register(io, socket);
    socket.on("disconnect", () => online.delete(socket.id));
  });
};`,
    "register.js": `
let last = null; // finds last
module.exports = (io, socket) => {
  let strokes = 0; // finds strokes
  const draw = (line) => { strokes++; last = line; io.emit("line", line); };
  const read = (ack) => ack(last);
  socket.on("draw", draw);
  socket.on("read", read);
};`,
    "routes.js": `
let server;
module.exports = { init(io) { server = io; return server; }, getServer: () => server };`,
  },
  "sockets in variables": {
    "app.ts": `
import { Server, type Socket } from "skysocket";
const io = new Server();
let waiting: Socket | null = null; // finds waiting
const byName = new Map<string, Socket>(); // finds byName
const meta = new WeakMap<Socket, { at: number }>();
io.of("/game").on("connection", (socket) => {
  meta.set(socket, { at: Date.now() });
  socket.on("play", (name: string) => {
    byName.set(name, socket);
    if (waiting) waiting.emit("found");
    else waiting = socket;
  });
});
export default io;`,
  },
  "what is wrapped, and what is silenced": {
    "app.ts": `
import { Server } from "skysocket";
import { users, counters } from "./shared.ts";
const io = new Server();
const drawn = io.of("/board").shared("drawn", new Map<string, number>());
// skysocket: in-memory, each instance has its own limit
const lastSeen = new Map<string, number>();
let events = 0; // skysocket: in-memory
let others = 0; // finds others
io.on("connection", (socket) => {
  socket.on("join", (name: string) => {
    users.push(name);
    counters.joined++;
    drawn.set(name, 1);
    lastSeen.set(socket.id, Date.now());
    events++;
    others++;
  });
});
export default io;`,
    "shared.ts": `
import { io } from "./io.ts";
export const users = io.shared("users", [] as string[]);
export const { counters } = io.shared("all", { counters: { joined: 0 } });`,
    "io.ts": `
import { Server } from "skysocket";
export const io = new Server();`,
  },
  "middlewares and what they count": {
    "app.ts": `
import { Server } from "skysocket";
const io = new Server();
const attempts: Record<string, number> = {}; // finds attempts
let ready = false;
io.use((socket, next) => {
  const { address } = socket.handshake;
  attempts[address] = (attempts[address] ?? 0) + 1;
  next(attempts[address] > 5 ? new Error("too many") : undefined);
});
ready = true;
io.on("connection", (socket) => { socket.emit("ready", ready); });
export default io;`,
  },
};
