/** Entry of the socket function: events of API Gateway, and tasks of its own. */
// First, before the application can add listeners of its own.
import "./uncaught.ts";

import io from "skysocket-app";
import { createHandler } from "./socket-runtime.ts";

export const handler = createHandler(io, process.env);
