import { Server } from "skysocket";
import * as parser from "socket.io-msgpack-parser";
import { api } from "./core/api.ts";
import { asks } from "./core/asks.ts";
import { channels } from "./core/channels.ts";
import { doors } from "./core/doors.ts";
import { events } from "./core/events.ts";
import { faults } from "./core/faults.ts";
import { mainNamespace } from "./core/main-namespace.ts";
import { order } from "./core/order.ts";
import { peers } from "./core/peers.ts";
import { presence } from "./core/presence.ts";
import { ready } from "./core/ready.ts";
import { rooms } from "./core/rooms.ts";
import { state } from "./core/state.ts";

// The parts of core.ts that are about what goes over the wire, with another parser.
const io = new Server({ parser });

ready(io);
mainNamespace(io);
presence(io.of("/"));
presence(io.of("/life"));
events(io);
asks(io);
rooms(io);
order(io);
channels(io);
doors(io);
state(io);
peers(io);
faults(io);
api(io);

export default io;
