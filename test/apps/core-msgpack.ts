import { Server } from "skysocket";
import * as parser from "socket.io-msgpack-parser";
import { wire } from "./core/wire.ts";

// The parts of core.ts that are about what goes over the wire, with another parser.
const io = new Server({ parser });

wire(io);

export default io;
