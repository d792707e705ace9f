import { Server } from "skysocket";
import { recovery } from "./core/recovery.ts";

/** With stock's own defaults: two minutes, and no middlewares for whoever comes back. */
const io = new Server({
  path: "/prod",
  addTrailingSlash: false,
  transports: ["websocket"],
  connectionStateRecovery: {},
});
recovery(io);

export default io;
