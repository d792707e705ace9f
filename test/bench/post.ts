/**
 * CPU time of one post to a connection: ours, and the AWS SDK's client on the same sink in the same run.
 * Alone: `node --import tsx test/bench/post.ts`
 */
import {
  ApiGatewayManagementApiClient,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";
import { PARALLEL_POSTS, postService } from "../../lambdas/gateway/clients.ts";
import { createGateway } from "../../lambdas/gateway/post.ts";
import { runAlone } from "./support/alone.ts";
import { startSink } from "./support/sink.ts";
import { cpuMicros, median, pairedRatio, round } from "./support/stats.ts";

const RUNS = 7;
const LOAD = { count: 3_000, parallel: PARALLEL_POSTS };

export interface PostCost {
  /** Microseconds of CPU, medians. `frames`: each post sends a frame of its own; `broadcast`: all send the same. */
  readonly post_cpu_us: {
    readonly ours: number;
    readonly broadcast: number;
    readonly sdk: number;
    /** Of ours to the SDK's; ours is the dearer one, with a frame for each post. */
    readonly ratio: number;
    readonly runs: number;
  };
}

/** Longer than most, as a role's token is: signatures hash it. */
const ENV = {
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "ASIAAAAAAAAAAAAAAAAA",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_SESSION_TOKEN: "t".repeat(1_000),
};

const connection = (n: number): string => `TXzPW${String(n).padStart(8, "0")}CGjA=`;
/** 100 bytes, as a line of a chat. */
const frame = (n: number): string => `42["chat message","${String(n).padEnd(79, "x")}"]`;

/** Medians over alternating runs. */
export async function benchPost(): Promise<PostCost> {
  const sink = await startSink("sink.mjs");
  const service = postService(`${sink.url}/prod`, ENV);
  const gateway = createGateway({
    service,
    closer: () => Promise.reject(new Error("nothing is closed here")),
    clock: { now: Date.now, sleep: () => Promise.reject(new Error("nothing is refused here")) },
  });
  const client = new ApiGatewayManagementApiClient({
    endpoint: `${sink.url}/prod`,
    region: ENV.AWS_REGION,
    credentials: {
      accessKeyId: ENV.AWS_ACCESS_KEY_ID,
      secretAccessKey: ENV.AWS_SECRET_ACCESS_KEY,
      sessionToken: ENV.AWS_SESSION_TOKEN,
    },
    maxAttempts: 1,
    requestHandler: { httpAgent: { keepAlive: true, maxSockets: PARALLEL_POSTS } },
  });
  const ways = {
    ours: (n: number) => gateway.post(connection(n), frame(n)),
    broadcast: (n: number) => gateway.post(connection(n), frame(0)),
    sdk: (n: number) =>
      client.send(
        new PostToConnectionCommand({ ConnectionId: connection(n), Data: Buffer.from(frame(n), "utf8") }),
      ),
  };
  const times: Record<keyof typeof ways, number[]> = { ours: [], broadcast: [], sdk: [] };
  try {
    for (let run = -1; run < RUNS; run++) {
      for (const way of ["ours", "broadcast", "sdk"] as const) {
        const micros = await cpuMicros(ways[way], LOAD);
        // The first run compiles and opens connections.
        if (run >= 0) times[way].push(micros);
      }
    }
  } finally {
    client.destroy();
    await service.close();
    await sink.stop();
  }
  const [ours, broadcast, sdk] = [median(times.ours), median(times.broadcast), median(times.sdk)];
  return {
    post_cpu_us: {
      ours: round(ours),
      broadcast: round(broadcast),
      sdk: round(sdk),
      ratio: round(pairedRatio(times.ours, times.sdk), 3),
      runs: RUNS,
    },
  };
}

await runAlone(import.meta.url, benchPost);
