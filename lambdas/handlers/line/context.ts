import type { Line } from "../../server/ports/line.ts";
import type { HandlerContext } from "../context.ts";

/** What handlers get where clients' frames come through a queue. */
export interface LineContext extends HandlerContext {
  readonly line: Line;
}
