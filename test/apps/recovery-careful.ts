import { Server } from "skysocket";
import { recovery } from "./core/recovery.ts";

/** Whoever comes back passes the middlewares again, and has to come soon. */
const io = new Server({
  path: "/prod",
  addTrailingSlash: false,
  transports: ["websocket"],
  connectionStateRecovery: { maxDisconnectionDuration: 6_000, skipMiddlewares: false },
});
recovery(io);

export default io;
