/** Entry of the fan-out function: posts an event for a large room to a part of it. */
import { createFanOut } from "./fan-out-runtime.ts";

export const handler = createFanOut(process.env);
