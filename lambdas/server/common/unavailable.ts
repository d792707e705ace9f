import { SkysocketError } from "./errors.ts";

/**
 * The answer to what needs one process that knows all clients.
 * @param what as the application wrote it
 * @param instead the way out, as a sentence
 */
export const notAvailable = (what: string, instead: string): SkysocketError =>
  new SkysocketError("SKY_NOT_AVAILABLE", `${what} is not available: ${instead}`);

/** Server-side events: there is nobody to send them to. */
export const noServerSideEvents = (what: string): SkysocketError =>
  notAvailable(
    what,
    "instances of Lambda live for one event and cannot send each other events. Emit to clients, or send what all servers must know through a queue, a topic or a table.",
  );

/** Nothing listens in this process. */
export const noHttpServer = (what: string): SkysocketError =>
  notAvailable(
    what,
    "API Gateway takes the requests. Decide about them in allowRequest or io.engine.use(), and serve pages and routes elsewhere.",
  );
