import { on, once } from "node:events";
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

/** The statements of all functions that `whole` has and `part` has not. */
export function missingStatements(whole: CloudModel, part: CloudModel): PolicyStatement[] {
  const had = new Set(statementsOf(part).map((statement) => JSON.stringify(statement)));
  return statementsOf(whole).filter((statement) => !had.has(JSON.stringify(statement)));
}

const statementsOf = (model: CloudModel): PolicyStatement[] =>
  model.functions.flatMap(({ statements }) => statements);

export interface Conversation {
  /** Resolves when everything was said and the server has closed the connection; rejects when something else came. */
  readonly done: Promise<void>;
  /** Ends it, whatever is still missing. */
  stop(): void;
}

/** What a client of test/apps/grants.ts says, and what it hears: its function then has used every right. */
const LINES = [
  ["40", /^40\{"sid":/],
  ['420["enter","hall"]', /^430\["entered"\]$/],
  ['421["count","hall"]', /^431\[1\]$/],
  ['422["go","hall"]', /^432\["gone"\]$/],
  ['42["hang up"]', /^41$/],
] as const;

/** Holds the conversation. A plain WebSocket, since the official client hangs up by itself when it hears `41`. */
export function converse(url: string): Conversation {
  const ended = new AbortController();
  const socket = new WebSocket(`${url}/?EIO=4&transport=websocket`);
  const closed = once(socket, "close");
  const frames = on(socket, "message", { signal: ended.signal, close: ["close"] });
  const talk = async (): Promise<void> => {
    await hear(frames, /^0\{/);
    for (const [say, answer] of LINES) {
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
  const { done, value } = await frames.next();
  const heard = done ? "the end of the connection" : String(value[0]);
  if (!expected.test(heard)) throw new Error(`heard ${heard} instead of ${expected}`);
}
