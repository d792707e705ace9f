import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Server } from "skysocket";
import { recovery } from "./core/recovery.ts";

/** Says how much memory its instance holds, after a collection, for as long as something runs. */
const LOOK_MS = 400;
setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");
setInterval(() => {
  if (typeof collect === "function") collect();
  console.log(`heap ${process.memoryUsage().heapUsed}`);
}, LOOK_MS).unref();

const io = new Server({ connectionStateRecovery: {} });
recovery(io);

export default io;
