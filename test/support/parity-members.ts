import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type Declaration, readDeclaration } from "./parity-declarations.ts";

/** A part of Socket.IO's API whose members each have a row in the parity table. */
export interface Part {
  readonly title: string;
  /** What the names of its rows begin with, as `Socket#join` or `ServerOptions.path`. */
  readonly prefix: string;
  readonly members: readonly string[];
}

interface Source {
  readonly file: string;
  readonly kind: "class" | "interface";
  readonly name: string;
}

const require = createRequire(import.meta.url);
const SOCKET_IO = dirname(require.resolve("socket.io"));
/** The Engine.IO that this Socket.IO runs on, which need not be the one at the top of node_modules. */
const ENGINE_IO = dirname(createRequire(join(SOCKET_IO, "index.js")).resolve("engine.io"));
const NODE_TYPES = dirname(require.resolve("@types/node/package.json"));

const socketIo = (file: string, kind: Source["kind"], name: string): Source => ({
  file: join(SOCKET_IO, `${file}.d.ts`),
  kind,
  name,
});
const engineIo = (file: string, kind: Source["kind"], name: string): Source => ({
  file: join(ENGINE_IO, `${file}.d.ts`),
  kind,
  name,
});

/** Where the names that declarations extend are declared. */
const BASES: Readonly<Record<string, Source>> = {
  StrictEventEmitter: socketIo("typed-events", "class", "StrictEventEmitter"),
  Namespace: socketIo("namespace", "class", "Namespace"),
  NamespaceReservedEventsMap: socketIo("namespace", "interface", "NamespaceReservedEventsMap"),
  BaseServer: engineIo("server", "class", "BaseServer"),
  EngineOptions: engineIo("server", "interface", "ServerOptions"),
  AttachOptions: engineIo("server", "interface", "AttachOptions"),
  EventEmitter: { file: join(NODE_TYPES, "events.d.ts"), kind: "interface", name: "EventEmitter" },
};
/** What is Node's own and no part of this API: a request is a stream, and nobody reads an upgrade's body. */
const OUTSIDE = new Set(["Readable"]);

/** All parts, as the installed versions of `socket.io`, `engine.io` and `@types/node` declare them. */
export function readParts(): readonly Part[] {
  return [
    part("Server", "Server#", socketIo("index", "class", "Server")),
    part("Namespace", "Namespace#", socketIo("namespace", "class", "Namespace")),
    part("ParentNamespace", "ParentNamespace#", socketIo("parent-namespace", "class", "ParentNamespace")),
    part("Socket", "Socket#", socketIo("socket", "class", "Socket")),
    part(
      "BroadcastOperator",
      "BroadcastOperator#",
      socketIo("broadcast-operator", "class", "BroadcastOperator"),
    ),
    part("RemoteSocket", "RemoteSocket#", socketIo("broadcast-operator", "class", "RemoteSocket")),
    part("Events of the server", "Server:", socketIo("namespace", "interface", "ServerReservedEventsMap")),
    part(
      "Events of a namespace",
      "Namespace:",
      socketIo("namespace", "interface", "NamespaceReservedEventsMap"),
    ),
    part("Events of a socket", "Socket:", socketIo("socket-types", "interface", "SocketReservedEventsMap")),
    part(
      "Events of every emitter",
      "EventEmitter:",
      socketIo("socket-types", "interface", "EventEmitterReservedEventsMap"),
    ),
    part("socket.handshake", "Handshake.", socketIo("socket-types", "interface", "Handshake")),
    part("socket.client", "Client#", socketIo("client", "class", "Client")),
    part("socket.conn", "Conn#", engineIo("socket", "class", "Socket")),
    emitted("Events of socket.conn", "Conn:", "socket.js", ["Socket"]),
    part("socket.request", "Request#", {
      file: join(NODE_TYPES, "http.d.ts"),
      kind: "class",
      name: "IncomingMessage",
    }),
    part("io.engine", "Engine#", engineIo("server", "class", "Server")),
    emitted("Events of io.engine", "Engine:", "server.js", ["BaseServer", "Server"]),
    part("Options of the server", "ServerOptions.", socketIo("index", "interface", "ServerOptions")),
  ];
}

/** The version of Socket.IO that the table is about. */
export function socketIoVersion(): string {
  const { version }: { version: string } = require("socket.io/package.json");
  return version;
}

function part(title: string, prefix: string, source: Source): Part {
  return { title, prefix, members: [...new Set(all(source))].sort(byName) };
}

function all({ file, kind, name }: Source): readonly string[] {
  const { members, bases }: Declaration = readDeclaration(readFileSync(file, "utf8"), kind, name);
  return [
    ...members,
    ...bases.flatMap((base) => {
      if (OUTSIDE.has(base)) return [];
      const source = BASES[base];
      if (!source)
        throw new Error(`${name} extends ${base}: say in parity-members.ts where that is declared`);
      return all(source);
    }),
  ];
}

/** Engine.IO types no events; what these classes emit stands in their code. */
function emitted(title: string, prefix: string, file: string, classes: readonly string[]): Part {
  const code = readFileSync(join(ENGINE_IO, file), "utf8");
  const names = code.split(/^(?=class )/m).flatMap((piece) => {
    const name = /^class (\w+)/.exec(piece)?.[1] ?? "";
    return classes.includes(name)
      ? [...piece.matchAll(/\bthis\.emit\("(\w+)"/g)].map((match) => match[1] ?? "")
      : [];
  });
  if (names.length === 0) throw new Error(`${file} emits no events: has its code changed?`);
  return { title, prefix, members: [...new Set(names)].sort(byName) };
}

/** By code units: the same order on every machine. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
