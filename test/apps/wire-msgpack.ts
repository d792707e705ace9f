import { Server } from "skysocket";
import * as parser from "socket.io-msgpack-parser";
import { wire } from "./wire.ts";

/** The same, of frames of MessagePack. */
const io = new Server({ parser });
wire(io);

export default io;
