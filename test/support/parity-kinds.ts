/** Of Socket.IO's own server tests: why those of a kind cannot pass here. */
export interface Kind {
  readonly what: string;
  /** How many of its tests are of this kind. */
  readonly tests: number;
  /** Why, and what holds instead, as sentences. */
  readonly why: string;
}

/** How many tests `packages/socket.io/test` has in 4.8.4; all were played, on the in-process host, with clients of WebSocket. */
export const OWN_TESTS = 204;

/** All others pass. */
export const KINDS: readonly Kind[] = [
  {
    what: "HTTP: the client's files, long-polling, CORS headers, options of the HTTP engine",
    tests: 22,
    why: "A WebSocket API serves no HTTP. Serve the client from where your pages are; origins are checked at the upgrade.",
  },
  {
    what: "what one process keeps for a socket: the answers that it waits for",
    tests: 1,
    why: "No process has the sockets. An emit that waits for answers belongs to its event, and nothing of it is left after that.",
  },
  {
    what: "insides of the engine: client.ondata, the object of io.engine's connection event, pre-encoded frames",
    tests: 3,
    why: "API Gateway is the engine. io.engine.use() has the request, socket.conn what is known of the connection.",
  },
  {
    what: "Socket.IO 2 clients (allowEIO3: true)",
    tests: 2,
    why: "They speak Engine.IO 3: refused at the upgrade, with Engine.IO's own error. Update the clients.",
  },
  {
    what: "packets of several hundred KB",
    tests: 2,
    why: "API Gateway takes frames of 32 KB from clients and delivers 128 KB: a clear error. Send a link, or parts.",
  },
  {
    what: "an adapter class of one's own",
    tests: 1,
    why: "All instances share the table: a clear error. Remove the option.",
  },
  {
    what: "connectTimeout in milliseconds",
    tests: 1,
    why: "Nothing runs between events that could measure it. The heartbeat ends a connection on which no namespace was joined, after one to three minutes.",
  },
  {
    what: "a middleware that waits for the end of its own connection",
    tests: 1,
    why: "The end is another invocation than the one in which the middleware waits. When it goes on, the client does not get its connection.",
  },
  {
    what: "an event that is dropped since its client disconnects in the same tick",
    tests: 1,
    why: "There is no tick that both frames share. What a client sent before its disconnect is handled.",
  },
];
