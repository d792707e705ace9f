import { on, once, setMaxListeners } from "node:events";
import { WebSocket } from "ws";
import { matches } from "../../infra/local/iam/decide.ts";
import type { CloudModel, PolicyStatement } from "../../infra/local/model.ts";

/** What the local cloud logs when a policy refuses a call. */
export interface Denied {
  readonly action: string;
  readonly resource: string;
}

/** The refused call that a log line tells of; undefined for any other line. */
export function deniedIn(text: string): Denied | undefined {
  const [, action, resource] =
    /^AccessDenied: User: \S+ is not authorized to perform: (\S+) on resource: (\S+)/.exec(text) ?? [];
  return action === undefined || resource === undefined ? undefined : { action, resource };
}

/** Is this refused call one that `statement` would have allowed? */
export const covers = ({ actions, resources }: PolicyStatement, { action, resource }: Denied): boolean =>
  actions.includes(action) && resources.some((pattern) => matches(pattern, resource));

/** The statements of all functions, and of API Gateway, that `whole` has and `part` has not. */
export function missingStatements(whole: CloudModel, part: CloudModel): PolicyStatement[] {
  const kept = holders(part);
  return [...holders(whole)].flatMap(([holder, statements]) => {
    // Of the same holder: two functions may have the same right, under two names.
    const had = new Set(kept.get(holder)?.map((statement) => JSON.stringify(statement)));
    return statements.filter((statement) => !had.has(JSON.stringify(statement)));
  });
}

/** Functions by their logical ids, and the roles that API Gateway assumes by their ARNs. */
function holders({ functions, apis }: CloudModel): Map<string, readonly PolicyStatement[]> {
  const integrations = apis.flatMap(({ routes }) => routes.map(({ integration }) => integration));
  const roles = integrations.flatMap((integration) => (integration.kind === "sqs" ? [integration.role] : []));
  return new Map([
    ...functions.map(({ logicalId, statements }) => [logicalId, statements] as const),
    ...roles.map(({ arn, statements }) => [arn, statements] as const),
  ]);
}

export interface Conversation {
  /** Resolves when everything was said and the server has closed the connection; rejects when something else came. */
  readonly done: Promise<void>;
  /** Ends it, whatever is still missing. */
  stop(): void;
}

/** What a client of test/apps/grants.ts says, and what it hears: its function then has used every right. */
const linesIn = (room: string) =>
  [
    ["40", /^40\{"sid":/],
    [`420["enter","${room}"]`, /^430\["entered"\]$/],
    [`421["count","${room}"]`, /^431\[1\]$/],
    [`422["go","${room}"]`, /^432\["gone"\]$/],
    ['42["hang up"]', /^41$/],
  ] as const;
/** Each conversation has a room of its own: one that was refused may have left somebody in it. */
let rooms = 0;

/** The code with which API Gateway closes what was silent for ten minutes. */
const IDLE_LIMIT = 1001;

/**
 * What uses the heartbeat's rights: a connection that never joins a namespace, which it has ended, and one that does and waits
 * for a ping. In a cloud whose minutes are short.
 */
export function waitForHeartbeat(url: string): Conversation {
  const ended = new AbortController();
  const { signal } = ended;
  const sockets: WebSocket[] = [];
  const open = (): WebSocket => {
    const socket = new WebSocket(`${url}/?EIO=4&transport=websocket`);
    socket.on("error", () => undefined); // of being stopped before it is open
    sockets.push(socket);
    return socket;
  };
  /** Until the heartbeat has ended one: where it comes too late, API Gateway's idle limit was faster. */
  const endSilent = async (): Promise<void> => {
    for (let code: unknown = IDLE_LIMIT; code === IDLE_LIMIT; )
      [code] = await once(open(), "close", { signal });
  };
  const silentEnded = endSilent();
  // Stopped before it is waited for, it would be an unhandled rejection.
  silentEnded.catch(() => undefined);
  const join = async (): Promise<AsyncIterator<unknown[]>> => {
    const socket = open();
    const frames = on(socket, "message", { signal, close: ["close"] });
    // Where minutes are short and the machine is slow, the heartbeat may end it before it has joined: it comes again, as a client does.
    if (!(await hears(frames, /^0\{/))) return await join();
    socket.send("40");
    return (await hears(frames, /^40\{"sid":/)) ? frames : await join();
  };
  const wait = async (): Promise<void> => {
    // And where the ping comes too late.
    while (!(await hears(await join(), /^2$/)));
    await silentEnded;
  };
  const stopAll = (): void => {
    for (const socket of sockets) socket.terminate();
  };
  const done = wait().finally(stopAll);
  done.catch(() => undefined);
  return {
    done,
    stop: () => {
      ended.abort();
      stopAll();
    },
  };
}

/** Sockets of {@link shoutToMany}, enough that some worker has more than it should. */
const LISTENERS = 24;
const LEAVERS = 8;

/** What uses the rights of the fan-out's workers: some of those that they post to are gone, in a cloud that loses $disconnect. */
export function shoutToMany(url: string): Conversation {
  const ended = new AbortController();
  const { signal } = ended;
  setMaxListeners(0, signal); // one for each socket
  const sockets: WebSocket[] = [];
  const join = async () => {
    const socket = new WebSocket(`${url}/?EIO=4&transport=websocket`);
    sockets.push(socket);
    socket.on("error", () => undefined); // of being stopped before it is open
    const frames = on(socket, "message", { signal, close: ["close"] });
    await hear(frames, /^0\{/);
    socket.send("40");
    await hear(frames, /^40\{"sid":/);
    return { socket, frames };
  };
  const talk = async (): Promise<void> => {
    const watcher = await join();
    watcher.socket.send('420["enter","watch"]');
    await hear(watcher.frames, /^430\["entered"\]$/);
    const listeners = await Promise.all(Array.from({ length: LISTENERS }, join));
    for (const { socket } of listeners.splice(0, LEAVERS)) {
      const closed = once(socket, "close", { signal });
      socket.close();
      await closed;
    }
    watcher.socket.send('42["shout"]');
    await Promise.all(listeners.map(({ frames }) => hear(frames, /^453-\["large"/)));
    for (let left = 0; left < LEAVERS; ) {
      const { done, value } = await watcher.frames.next();
      if (done) throw new Error("the watcher was cut off");
      if (String(value[0]) === '42["left"]') left++;
    }
  };
  const done = talk().finally(() => {
    for (const socket of sockets) socket.terminate();
  });
  // Who stops a conversation early looks at something else.
  done.catch(() => undefined);
  return {
    done,
    stop: () => {
      ended.abort();
      for (const socket of sockets) socket.terminate();
    },
  };
}

/** Holds the conversation. A plain WebSocket, since the official client hangs up by itself when it hears `41`. */
export function converse(url: string): Conversation {
  const ended = new AbortController();
  const socket = new WebSocket(`${url}/?EIO=4&transport=websocket`);
  const closed = once(socket, "close");
  const frames = on(socket, "message", { signal: ended.signal, close: ["close"] });
  const talk = async (): Promise<void> => {
    await hear(frames, /^0\{/);
    for (const [say, answer] of linesIn(`hall ${rooms++}`)) {
      socket.send(say);
      await hear(frames, answer);
    }
    await closed;
  };
  const done = talk();
  // Who stops a conversation early looks at something else.
  done.catch(() => undefined);
  closed.catch(() => undefined);
  return {
    done,
    stop: () => {
      ended.abort();
      socket.terminate();
    },
  };
}

async function hear(frames: AsyncIterator<unknown[]>, expected: RegExp): Promise<void> {
  if (!(await hears(frames, expected)))
    throw new Error(`heard the end of the connection instead of ${expected}`);
}

/** @returns false if the connection has ended instead */
async function hears(frames: AsyncIterator<unknown[]>, expected: RegExp): Promise<boolean> {
  const { done, value } = await frames.next();
  if (done) return false;
  const heard = String(value[0]);
  if (!expected.test(heard)) throw new Error(`heard ${heard} instead of ${expected}`);
  return true;
}
