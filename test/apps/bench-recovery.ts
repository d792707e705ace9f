import { Server } from "skysocket";
import { listen } from "./bench/listeners.ts";

/** For the benches, with recovery on. */
const io = new Server({ connectionStateRecovery: {} });
listen(io);

export default io;
