import { Server } from "skysocket";
import { listen } from "./bench/listeners.ts";

/** For the benches, with Socket.IO's defaults. */
const io = new Server();
listen(io);

export default io;
