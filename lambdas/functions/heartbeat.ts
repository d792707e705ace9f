/** Entry of the heartbeat function: a schedule invokes it every minute. */
import { createHeartbeat } from "./heartbeat-runtime.ts";

export const handler = createHeartbeat(process.env);
