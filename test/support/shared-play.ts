import { Server } from "../../lambdas/server/api/index.ts";
import type { Clock } from "../../lambdas/server/ports/environment.ts";
import { type CloudOptions, type Faults, SimulatedCloud } from "./simulated-cloud.ts";
import { Life, Simulation } from "./simulation.ts";

/** What a client does, one after the other. */
export type Step = "add" | "slow" | "ask" | "rejoin" | "pause";

export interface Player {
  readonly steps: readonly Step[];
  /** Its connection is closed at the end: when it has sent all, or when it has all answers. */
  readonly leaves: "at once" | "then" | "never";
}

/** Long enough that a few of them are too much for the row of the lease. */
export const PADDING = ".".repeat(600);
/** A handler that works takes up to so long, in milliseconds. */
const SLOWEST_MS = 600;
/** A client takes up to so long to answer, in milliseconds. */
const LONGEST_ANSWER_MS = 3_000;

/** An application that counts: `added` and `times` make it write rows, `sum` shows an update that was lost. */
export const counting =
  (sleep: () => Promise<void> = () => Promise.resolve()) =>
  (): Server => {
    const io = new Server();
    const present = io.shared("present", new Set<string>());
    const added = io.shared("added", [] as string[]);
    const total = io.shared("total", { sum: 0 });
    const times = io.shared("times", new Map<string, number>());
    const add = (name: string): void => {
      added.push(name + PADDING);
      times.set(name, (times.get(name) ?? 0) + 1);
    };
    io.on("connection", (socket) => {
      present.add(socket.id);
      socket.on("add", (name: string, ack: (sum: number) => void) => {
        add(name);
        total.sum++;
        void io.emit("total", total.sum);
        ack(total.sum);
      });
      socket.on("slow", async (name: string, ack: (sum: number) => void) => {
        const { sum } = total;
        await sleep();
        add(name);
        total.sum = sum + 1;
        ack(total.sum);
      });
      socket.on("ask", async (name: string, ack: (sum: number) => void) => {
        await socket
          .timeout(5_000)
          .emitWithAck("sure?")
          .catch(() => undefined);
        add(name);
        total.sum++;
        ack(total.sum);
      });
      socket.on("content", (ack) => ack([...present], added, total.sum, [...times]));
      socket.on("disconnect", () => present.delete(socket.id));
    });
    return io;
  };

export interface Played {
  readonly cloud: SimulatedCloud;
  readonly simulation: Simulation;
  /** What clients were told, by the name of what they added. */
  readonly acknowledged: ReadonlyMap<string, number>;
  /** Names of all that was sent. */
  readonly sent: readonly string[];
}

/** Plays clients side by side until nothing happens any more. */
export async function playShared(
  seed: number,
  players: readonly Player[],
  faults: Faults,
  options: CloudOptions = {},
): Promise<Played> {
  const simulation = new Simulation(seed);
  const clock = simulation.clock(new Life());
  const sleep = (): Promise<void> => clock.sleep(simulation.random() * SLOWEST_MS);
  const cloud = new SimulatedCloud(simulation, counting(sleep), faults, options);
  const acknowledged = new Map<string, number>();
  const sent: string[] = [];
  for (const [index, { steps, leaves }] of players.entries()) {
    void (async () => {
      const client = new Client(simulation, cloud, clock);
      if (!(await client.connect())) return;
      const answers: Promise<void>[] = [];
      for (const [n, step] of steps.entries()) {
        await simulation.point(new Life());
        if (step === "pause") await clock.sleep(simulation.random() * 1_000);
        else if (step === "rejoin") {
          // Who leaves the namespace gets no answers any more.
          if (leaves !== "at once") await Promise.all(answers);
          await client.rejoin();
        } else {
          const name = `${index}-${n}`;
          sent.push(name);
          const answered = client.ask(n, [step, name]).then((answer) => {
            if (answer) acknowledged.set(name, Number(answer[0]));
          });
          answers.push(answered);
        }
      }
      if (leaves === "then") await Promise.all(answers);
      if (leaves !== "never") client.close();
    })();
  }
  await simulation.run();
  return { cloud, simulation, acknowledged, sent };
}

export type Answer = readonly unknown[];

/** Waits for frames in simulated time. It answers what it is asked, some time later. */
export class Client {
  /** Its socket's id. */
  sid: string | undefined;
  readonly #simulation: Simulation;
  readonly #cloud: SimulatedCloud;
  readonly #clock: Clock;
  readonly #waiting = new Set<(frame: string) => void>();
  #connection: Awaited<ReturnType<SimulatedCloud["connect"]>>;

  constructor(simulation: Simulation, cloud: SimulatedCloud, clock: Clock) {
    this.#simulation = simulation;
    this.#cloud = cloud;
    this.#clock = clock;
  }

  async connect(): Promise<boolean> {
    const opened = this.#next((frame) => frame.startsWith("0"));
    this.#connection = await this.#cloud.connect({
      receive: (frame) => this.#receive(frame),
      closed: () => this.#end(),
    });
    if (!this.#connection || !(await opened)) return false;
    return await this.#join();
  }

  /** Leaves the namespace and comes back, on the same connection. */
  async rejoin(): Promise<void> {
    this.#send("41");
    await this.#join();
  }

  /** @returns undefined if there is none */
  async ask(id: number, event: Answer): Promise<Answer | undefined> {
    const answered = this.#next((frame) => frame.startsWith(`43${id}[`));
    this.#send(`42${id}${JSON.stringify(event)}`);
    const frame = await answered;
    return frame && JSON.parse(frame.slice(`43${id}`.length));
  }

  close(): void {
    if (this.#connection) this.#cloud.close(this.#connection, 1006);
    this.#end();
  }

  async #join(): Promise<boolean> {
    const joined = this.#next((frame) => frame.startsWith("40"));
    this.#send("40");
    const frame = await joined;
    this.sid = frame && JSON.parse(frame.slice(2)).sid;
    return frame !== undefined;
  }

  #send(frame: string): void {
    if (this.#connection) this.#cloud.send(this.#connection, frame);
  }

  #receive(frame: string): void {
    const question = /^42(\d+)\["sure\?"/.exec(frame);
    if (question) {
      const answer = `43${question[1]}[true]`;
      void this.#clock.sleep(this.#simulation.random() * LONGEST_ANSWER_MS).then(() => this.#send(answer));
    }
    for (const tell of this.#waiting) tell(frame);
  }

  /** Its connection is over: nothing comes any more. */
  #end(): void {
    for (const tell of this.#waiting) tell("");
  }

  #next(isIt: (frame: string) => boolean): Promise<string | undefined> {
    return new Promise((resolve) => {
      const tell = (frame: string): void => {
        if (frame !== "" && !isIt(frame)) return;
        this.#waiting.delete(tell);
        resolve(frame || undefined);
      };
      this.#waiting.add(tell);
    });
  }
}
