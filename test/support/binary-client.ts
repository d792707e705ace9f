import { Server } from "../../lambdas/server/api/index.ts";
import type { Part } from "../../lambdas/server/ports/parts.ts";
import { type Faults, NO_FAULTS, SimulatedCloud, type SimulatedConnection } from "./simulated-cloud.ts";
import { Life, Simulation } from "./simulation.ts";

/** One frame, and when: milliseconds that pass before it is sent, and during which each handing over is held back. */
export interface Sending {
  readonly body: string;
  readonly wait?: number;
  readonly held?: readonly number[];
}

/** The frames of `["upload", ...texts, ...attachments]` as the official client sends them with `forceBase64`. */
export function upload(texts: readonly string[], ...attachments: readonly string[]): string[] {
  const placeholders = attachments.map((_, num) => ({ _placeholder: true, num }));
  return [
    `45${attachments.length}-${JSON.stringify(["upload", ...texts, ...placeholders])}`,
    ...attachments.map((content) => `b${Buffer.from(content).toString("base64")}`),
  ];
}

/** A client that sends binary to an application that notes what it gets, on a simulated cloud. */
export class BinaryBench {
  /** Arguments of each "upload" that ran, Buffers as `<content>`. */
  readonly ran: unknown[][] = [];
  readonly answers: unknown[] = [];
  readonly errors: string[] = [];
  readonly simulation: Simulation;
  readonly cloud: SimulatedCloud;
  #connection: SimulatedConnection | undefined;

  constructor(seed: number, faults: Faults = NO_FAULTS) {
    this.simulation = new Simulation(seed);
    this.cloud = new SimulatedCloud(this.simulation, () => this.#application(), faults);
  }

  get connection(): SimulatedConnection {
    if (!this.#connection) throw new Error("not connected");
    return this.#connection;
  }

  /** False if a fault has kept the client from it. */
  async connect(): Promise<boolean> {
    const connecting = this.cloud.connect();
    await this.simulation.run();
    this.#connection = await connecting;
    if (!this.#connection?.frames.some((frame) => frame.startsWith("0"))) return false;
    await this.send([{ body: "40" }]);
    return this.#connection.open && this.#connection.frames.some((frame) => frame.startsWith("40"));
  }

  /** Sends, and lets everything come to rest. */
  async send(frames: readonly Sending[]): Promise<void> {
    const clock = this.simulation.clock(new Life());
    void (async () => {
      for (const { body, wait = 0, held } of frames) {
        if (wait > 0) await clock.sleep(wait);
        this.cloud.send(this.connection, body, held);
      }
    })();
    await this.simulation.run();
  }

  /** Has the server ask the client, which answers with these frames of an upload, turned into frames of an answer. */
  async answer(frames: readonly Sending[]): Promise<void> {
    const clock = this.simulation.clock(new Life());
    void (async () => {
      this.cloud.send(this.connection, '42["ask"]');
      let id: string | undefined;
      while (id === undefined) {
        await clock.sleep(10);
        id = this.connection.frames.map((frame) => /^42(\d+)\["question"\]$/.exec(frame)?.[1]).find(Boolean);
      }
      for (const { body, held } of frames) {
        const asAnswer = body.replace(/^45(\d)-\["upload",/, `46$1-${id}[`);
        this.cloud.send(this.connection, asAnswer, held);
      }
    })();
    await this.simulation.run();
  }

  parts(): Promise<readonly Part[]> {
    return this.cloud.store.readParts(this.connection.id);
  }

  #application(): Server {
    const io = new Server();
    io.on("connection", (socket) => {
      socket.on("upload", (...args: unknown[]) => {
        this.ran.push(args.map(shown));
      });
      socket.on("ask", async () => {
        const answer: unknown = await socket.emitWithAck("question");
        this.answers.push(shown(answer));
      });
      socket.on("error", (error: Error) => {
        this.errors.push(error.message);
      });
    });
    return io;
  }
}

const shown = (value: unknown): unknown => (Buffer.isBuffer(value) ? `<${value}>` : value);
