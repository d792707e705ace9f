/**
 * What a client can make the owner of an account pay with frames that no application asks for, counted by the local cloud. `npm run
 * bench:hostile` prints the table of SECURITY.md; without Lambda's time, which is the machine's here.
 */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { functionIdOf } from "../../infra/local/api-gateway/routes.ts";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { type Mark, PRICES } from "../../infra/local/meter.ts";
import type { CloudEvent } from "../../infra/local/model.ts";
import { TestClouds } from "../support/cloud.ts";

const MANY_NAMESPACES = 120;
/** An API Gateway frame is 32 KB at most. */
const LARGE_BYTES = 31_000;
/** What is allowed of an `auth` by default, nearly. */
const ALLOWED_BYTES = 8_000;
const FRAMES = 10;
const MISSED = 100;
const POLL_MS = 5;
const LONGEST_MS = 90_000;

interface Cost {
  readonly what: string;
  /** USD for a million of them. */
  readonly dollars: number;
  readonly invocations: number;
  readonly messages: number;
  readonly readUnits: number;
  readonly writeUnits: number;
}

const appPath = (name: string): string => fileURLToPath(new URL(`../apps/${name}`, import.meta.url));

/** A cloud, and what happens in it because of a client. */
class Target {
  readonly #cloud: LocalCloud;
  readonly #functionId: string;

  constructor(cloud: LocalCloud) {
    this.#cloud = cloud;
    this.#functionId = functionIdOf(cloud.model.apis[0]?.routes[0]) ?? "";
  }

  /** A connection with its open packet. */
  async dial(): Promise<Client> {
    const before = this.#cloud.meter.mark();
    const client = new Client(`${this.#cloud.ws}/?EIO=4&transport=websocket`);
    await client.next((frame) => frame.startsWith("0"));
    await this.ended(before, 2);
    return client;
  }

  /** What one of `times` costs that lead to so many invocations together. */
  async cost(what: string, times: number, invocations: number, act: () => Promise<unknown>): Promise<Cost> {
    const before = this.#cloud.meter.mark();
    await act();
    await this.ended(before, invocations);
    const sum = (of: (event: CloudEvent) => number): number =>
      this.#since(before).reduce((all, event) => all + of(event), 0) / times;
    const runs = sum(({ kind }) => (kind === "lambda" ? 1 : 0));
    const messages = sum((event) => (isMessage(event) ? 1 : 0));
    const readUnits = sum((event) => (event.kind === "dynamodb" ? event.readUnits : 0));
    const writeUnits = sum((event) => (event.kind === "dynamodb" ? event.writeUnits : 0));
    const each =
      runs * PRICES.lambdaRequest +
      messages * PRICES.gatewayMessage +
      readUnits * PRICES.dynamodbReadUnit +
      writeUnits * PRICES.dynamodbWriteUnit;
    return { what, dollars: each * 1e6, invocations: runs, messages, readUnits, writeUnits };
  }

  async quiet(invocations: number, act: () => Promise<unknown>): Promise<void> {
    await this.cost("", 1, invocations, act);
  }

  mark(): Mark {
    return this.#cloud.meter.mark();
  }

  #since(mark: Mark): readonly CloudEvent[] {
    return this.#cloud.meter
      .events(mark)
      .filter((event) => event.kind === "gateway" || event.functionId === this.#functionId);
  }

  async ended(since: Mark, invocations: number): Promise<void> {
    const giveUpAt = Date.now() + LONGEST_MS;
    while (this.#since(since).filter(({ kind }) => kind === "lambda").length < invocations) {
      if (Date.now() > giveUpAt) throw new Error(`there were no ${invocations} invocations`);
      await delay(POLL_MS);
    }
  }
}

function isMessage(event: CloudEvent): boolean {
  if (event.kind !== "gateway") return false;
  return event.operation === "message" || (event.operation === "post" && event.status === 200);
}

/** Says what it likes. */
class Client {
  readonly socket: WebSocket;
  readonly frames: string[] = [];

  constructor(url: string) {
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    this.socket.on("message", (data) => this.frames.push(String(data)));
  }

  async next(fits: (frame: string) => boolean): Promise<string> {
    for (;;) {
      const index = this.frames.findIndex(fits);
      const [frame] = index < 0 ? [] : this.frames.splice(index, 1);
      if (frame !== undefined) return frame;
      await once(this.socket, "message", { signal: AbortSignal.timeout(LONGEST_MS) });
    }
  }

  /** True if the namespace let it in. */
  async connect(nsp: string, auth: object): Promise<boolean> {
    const at = nsp === "/" ? "" : `${nsp},`;
    this.socket.send(`40${at}${JSON.stringify(auth)}`);
    const answer = await this.next((frame) => frame.startsWith(`40${at}`) || frame.startsWith(`44${at}`));
    return answer.startsWith("40");
  }

  /** Several events with an acknowledgement each, one after the other. */
  async echo(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      this.socket.send(`42${i}["echo",${i}]`);
      await this.next((frame) => frame.startsWith(`43${i}[`));
    }
  }
}

const filler = (bytes: number): { token: string } => ({ token: "x".repeat(bytes) });

/** As many and as large as it gets. */
async function connectMany(client: Client): Promise<{ readonly count: number; readonly tries: number }> {
  let tries = 0;
  for (let count = 0; count < MANY_NAMESPACES; count++) {
    const size = async (bytes: number): Promise<boolean> => {
      tries++;
      return await client.connect(`/room-${count}`, filler(bytes));
    };
    if (!(await size(LARGE_BYTES)) && !(await size(ALLOWED_BYTES))) return { count, tries };
  }
  return { count: MANY_NAMESPACES, tries };
}

async function honest(target: Target): Promise<readonly Cost[]> {
  const client = await target.dial();
  await target.quiet(1, () => client.connect("/", {}));
  const echo = await target.cost("an event with an acknowledgement", FRAMES, FRAMES, () =>
    client.echo(FRAMES),
  );
  const asked = await target.cost("an event that asks its client, and the answer", 1, 2, async () => {
    client.socket.send('421["ask me"]');
    const question = await client.next((frame) => frame.includes('["question"]'));
    client.socket.send(`43${/^42(\d+)/.exec(question)?.[1]}["yes"]`);
    await client.next((frame) => frame.startsWith("431"));
  });
  await target.quiet(1, async () => client.socket.terminate());
  return [echo, asked];
}

async function acks(target: Target): Promise<readonly Cost[]> {
  const client = await target.dial();
  await target.quiet(1, () => client.connect("/", {}));
  const forged = await target.cost(
    "an acknowledgement of 31 KB that nobody asked for",
    FRAMES,
    FRAMES,
    async () => {
      for (let i = 1; i <= FRAMES; i++) client.socket.send(`43${i}["${"x".repeat(LARGE_BYTES)}"]`);
    },
  );
  await target.quiet(1, async () => client.socket.terminate());
  return [forged];
}

async function namespaces(target: Target): Promise<readonly Cost[]> {
  const client = await target.dial();
  await target.quiet(1, () => client.connect("/", {}));
  const mark = target.mark();
  const { count, tries } = await connectMany(client);
  await target.ended(mark, tries);
  process.stderr.write(`${count} of ${MANY_NAMESPACES} namespaces\n`);
  const event = await target.cost(
    "an event of a client that is in as many namespaces as it can, with as large an `auth` as it can",
    FRAMES,
    FRAMES,
    () => client.echo(FRAMES),
  );
  const refused = await target.cost(
    "a CONNECT to a namespace that it may not have",
    FRAMES,
    FRAMES,
    async () => {
      for (let i = 0; i < FRAMES; i++) await client.connect(`/none-${i}`, filler(LARGE_BYTES));
    },
  );
  const end = await target.cost("the end of its connection", 1, 1, async () => client.socket.terminate());
  return [event, refused, end];
}

async function waiting(target: Target): Promise<readonly Cost[]> {
  const client = await target.dial();
  const connecting = async (): Promise<void> => {
    if (!(await client.connect("/slow", filler(LARGE_BYTES))))
      await client.connect("/slow", filler(ALLOWED_BYTES));
  };
  await connecting();
  const event = await target.cost(
    "an event that comes while a connection listener takes 5 s",
    FRAMES,
    FRAMES + 1,
    async () => {
      for (let i = 0; i < FRAMES; i++) client.socket.send(`42/slow,${i}["echo",${i}]`);
    },
  );
  await target.quiet(1, async () => client.socket.terminate());
  return [event];
}

async function resumes(target: Target): Promise<readonly Cost[]> {
  const speaker = await target.dial();
  await target.quiet(1, () => speaker.connect("/", {}));
  const first = await target.dial();
  await target.quiet(1, async () => first.socket.send("40"));
  const connected = await first.next((frame) => frame.startsWith("40"));
  const { pid } = JSON.parse(connected.slice(2));
  await target.quiet(1, async () => speaker.socket.send(`421["say",${MISSED},"x"]`));
  let last = first;
  const resume = (what: string): Promise<Cost> =>
    target.cost(what, 1, 4, async () => {
      last.socket.terminate();
      const again = await target.dial();
      await again.connect("/", { pid });
      last = again;
    });
  const within = await resume(`a resume from the beginning, where ${MISSED} packets were sent since`);
  await resume("");
  const beyond = await resume("the same, more often than maxResumesPerMinute");
  return [within, beyond];
}

/** As rows of a table. */
function print(costs: readonly Cost[]): void {
  const digits = (value: number): string => value.toFixed(value < 100 ? 2 : 0);
  for (const { what, dollars, messages, readUnits, writeUnits } of costs) {
    const counts = [messages, readUnits, writeUnits].map(digits).join(" | ");
    process.stdout.write(`| ${what} | $${digits(dollars)} | ${counts} |\n`);
  }
}

const clouds = new TestClouds();
try {
  const plain = await clouds.start({ app: appPath("hostile.ts") });
  const recovering = await clouds.start({ app: appPath("hostile-recovery.ts") });
  for (const measure of [honest, acks, namespaces, waiting]) print(await measure(new Target(plain)));
  print(await resumes(new Target(recovering)));
} finally {
  await clouds.stop();
}
