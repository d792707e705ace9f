/**
 * What the scenarios alone cannot tell of a member: why it has no meaning here, and which other test shows what an
 * application gets instead. Everything else in the table comes from the scenarios.
 */
export interface Note {
  /** As the table names them; `Socket#*` stands for all of a part. */
  readonly members: readonly string[];
  readonly status: "same" | "differs" | "not applicable" | "not yet";
  /** Why, and the way out, as sentences. */
  readonly why: string;
  /** What shows it: a file and words in it, which a test looks for. Not needed where scenarios cover the members. */
  readonly shown?: { readonly file: string; readonly words: string };
}

const SERVER = "test/unit/server/api/server.test.ts";
const STAND_INS = "test/unit/server/api/stand-ins.test.ts";
const ENGINE = "test/unit/server/api/engine.test.ts";
const PARENTS = "test/unit/server/declared/dynamic-namespaces.test.ts";

const of = (prefix: string, ...names: readonly string[]): string[] => names.map((name) => prefix + name);
const everywhere = (...names: readonly string[]): string[] =>
  ["Server#", "Namespace#", "ParentNamespace#"].flatMap((prefix) => of(prefix, ...names));

export const NOTES: readonly Note[] = [
  {
    members: everywhere("serverSideEmit", "serverSideEmitWithAck"),
    status: "not applicable",
    why: "Instances of Lambda live for one event and cannot send each other events: a clear error. Emit to clients, or use a queue, a topic or a table.",
    shown: { file: SERVER, words: '"serverSideEmit"' },
  },
  {
    members: everywhere("once", "prependOnceListener"),
    status: "not applicable",
    why: "Each instance would have a first connection of its own: a clear error. Keep what must happen once in a database, under a condition.",
    shown: { file: STAND_INS, words: "prependOnceListener" },
  },
  {
    members: everywhere("adapter"),
    status: "not applicable",
    why: "All instances share the table, as servers share an adapter; who is in a room is asked with fetchSockets or allSockets. A clear error that says so.",
    shown: { file: SERVER, words: "adapter.rooms" },
  },
  {
    members: of("ParentNamespace#", "allSockets", "socketsJoin", "socketsLeave", "disconnectSockets"),
    status: "not applicable",
    why: "On stock they quietly do nothing, since a parent has no sockets of its own; here they are a clear error. Use the namespaces by name.",
    shown: { file: PARENTS, words: "what would need all their sockets at once is refused" },
  },
  {
    members: of("", "Namespace#sockets", "ParentNamespace#sockets"),
    status: "not applicable",
    why: "Other sockets are connected to no process: get and has know those of the running event, all else is a clear error that names fetchSockets.",
    shown: { file: SERVER, words: "nsp.sockets.size" },
  },
  {
    members: of(
      "",
      "Server#listen",
      "Server#attach",
      "Server#serveClient",
      "Server#connectTimeout",
      "Server#close",
    ),
    status: "not applicable",
    why: "API Gateway listens, under the path of its stage. Accepted, with one notice in the log.",
    shown: { file: SERVER, words: "is accepted with one notice each" },
  },
  {
    members: ["Server#path"],
    status: "not applicable",
    why: "The path is the stage of the API, or what a domain maps to it. Setting it is accepted, with one notice in the log; asking for it is a clear error, since a module cannot know.",
    shown: { file: SERVER, words: '"io.path()"' },
  },
  {
    members: of("", "Server#attachApp", "Server#bind", "Engine#close"),
    status: "not applicable",
    why: "API Gateway listens, and has the connections. Accepted, with one notice in the log.",
    shown: { file: STAND_INS, words: "attachApp" },
  },
  {
    members: of(
      "",
      "Server#httpServer",
      ...of(
        "Engine#",
        "attach",
        "handleRequest",
        "handleUpgrade",
        "httpServer",
        "onWebTransportSession",
        "opts",
      ),
    ),
    status: "not applicable",
    why: "There is no HTTP server in the process: a clear error. Decide about requests in allowRequest or io.engine.use().",
    shown: { file: STAND_INS, words: "handleUpgrade" },
  },
  {
    members: ["Engine#clientsCount"],
    status: "not applicable",
    why: "No process has the connections: a clear error. Count with fetchSockets, or by API Gateway's metric ConnectCount.",
    shown: { file: ENGINE, words: "clientsCount" },
  },
  {
    members: of("Engine#", "emit", "once", "prependOnceListener"),
    status: "not applicable",
    why: "What happens to connections is told by API Gateway, to any instance: a clear error. Use on, or a function of your own.",
    shown: { file: STAND_INS, words: "io.engine.emit" },
  },
  {
    members: of("Engine:", "initial_headers", "headers"),
    status: "not applicable",
    why: "API Gateway documents no response header of an upgrade that a function can set. Accepted, with one notice in the log; give clients what they need in an event.",
    shown: { file: ENGINE, words: "initial_headers" },
  },
  {
    members: ["Engine:connection"],
    status: "not applicable",
    why: "A connection has no object that lives on. Accepted, with one notice in the log; io.engine.use() has the request, socket.conn the rest.",
    shown: { file: ENGINE, words: '"connection"' },
  },
  {
    members: of("Conn:", "data", "drain", "flush", "heartbeat", "message", "open", "packet"),
    status: "not applicable",
    why: "API Gateway tells of a connection's messages, not of its frames and buffers. Accepted, with one notice in the log; use socket.onAny() and onAnyOutgoing().",
    shown: { file: STAND_INS, words: "heartbeat" },
  },
  {
    members: ["Conn:packetCreate"],
    status: "differs",
    why: "A listener is told of what the running event sends to its client. What other events send goes out where there is no object of the connection.",
  },
  {
    members: of("Conn:", "upgrade", "upgrading"),
    status: "same",
    why: "A connection that begins as a WebSocket is never upgraded.",
    shown: { file: STAND_INS, words: "upgrading" },
  },
  {
    members: of("Conn#", "send", "write", "emit"),
    status: "not applicable",
    why: "Packets of the application's own would be no Socket.IO to the client, and events are API Gateway's: a clear error. Use socket.emit().",
    shown: { file: STAND_INS, words: "socket.conn.send" },
  },
  {
    members: of("Conn#", "once", "prependOnceListener"),
    status: "same",
    why: "A connection closes once.",
    shown: { file: STAND_INS, words: "prependOnceListener" },
  },
  {
    members: of(
      "Request#",
      ...of(
        "",
        "aborted",
        "complete",
        "destroy",
        "headersDistinct",
        "rawHeaders",
        "rawTrailers",
        "setTimeout",
      ),
      ...of("", "signal", "statusCode", "statusMessage", "trailers", "trailersDistinct"),
    ),
    status: "not applicable",
    why: "The request is a plain object made of what API Gateway tells and the table keeps, without the stream: undefined. Use headers, url, method and _query.",
    shown: { file: STAND_INS, words: "rawHeaders" },
  },
  {
    members: of("ServerOptions.", "path", "addTrailingSlash", "transports"),
    status: "not applicable",
    why: "The path is the stage of the API, with or without a slash at its end, and the transport is WebSocket. Accepted, with one notice in the log; every scenario's server has them.",
    shown: { file: "test/apps/core.ts", words: "addTrailingSlash: false" },
  },
  {
    members: of(
      "ServerOptions.",
      ...of(
        "",
        "allowUpgrades",
        "cleanupEmptyChildNamespaces",
        "cookie",
        "destroyUpgrade",
        "destroyUpgradeTimeout",
      ),
      ...of("", "httpCompression", "initialPacket", "maxHttpBufferSize", "perMessageDeflate", "serveClient"),
      ...of("", "upgradeTimeout", "wsEngine"),
    ),
    status: "not applicable",
    why: "API Gateway decides about it: limits, compression, upgrades, HTTP. Accepted, with one notice in the log.",
    shown: { file: STAND_INS, words: "destroyUpgradeTimeout" },
  },
  {
    members: of("ServerOptions.", "connectTimeout", "pingInterval", "pingTimeout"),
    status: "not applicable",
    why: "Between events no process is there to measure time; the heartbeat is a function of its own, with the construct's prop pingInterval. Accepted, with one notice in the log.",
    shown: { file: STAND_INS, words: "pingTimeout" },
  },
  {
    members: ["ServerOptions.adapter"],
    status: "not applicable",
    why: "All instances share the table, as servers share an adapter: a clear error. Remove the option.",
    shown: { file: SERVER, words: '["adapter", {}, /all instances share the table/]' },
  },
  {
    members: ["ServerOptions.allowEIO3"],
    status: "not applicable",
    why: "Clients of Socket.IO 2 speak another protocol, and need HTTP: a clear error. Update them.",
    shown: { file: SERVER, words: '["allowEIO3", true, /Update them to version 3/]' },
  },
  {
    members: ["ServerOptions.parser"],
    status: "same",
    why: "Scenarios are played with socket.io-msgpack-parser too: three groups of them in each run of the tests, sixteen with THOROUGH=1, as in CI. Clients need forceBase64, since API Gateway closes at a binary frame.",
    shown: { file: "test/integration/msgpack-parity.test.ts", words: "socket.io-msgpack-parser" },
  },
];
