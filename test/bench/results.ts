import type { CallsPerEvent } from "./calls.ts";
import type { ColdLoads } from "./cold-load.ts";
import type { EchoLatency } from "./echo.ts";
import type { EventCpu } from "./event-cpu.ts";
import type { FanOutTimes } from "./fan-out.ts";
import type { PostCost } from "./post.ts";
import type { Price } from "./price.ts";
import type { ServerUse } from "./server.ts";
import type { Throughput } from "./throughput.ts";

/** All that the benches measure. */
export type Results = PostCost &
  ColdLoads &
  EchoLatency &
  EventCpu &
  CallsPerEvent &
  FanOutTimes &
  ServerUse &
  Throughput &
  Price;
