import { createServer } from "node:http";
import { Server } from "skysocket";
import { api } from "./core/api.ts";
import { asks } from "./core/asks.ts";
import { channels } from "./core/channels.ts";
import { clients } from "./core/clients.ts";
import { corners } from "./core/corners.ts";
import { doors } from "./core/doors.ts";
import { emitters } from "./core/emitters.ts";
import { engine, engineOptions } from "./core/engine.ts";
import { events } from "./core/events.ts";
import { faults } from "./core/faults.ts";
import { mainNamespace } from "./core/main-namespace.ts";
import { order } from "./core/order.ts";
import { peers } from "./core/peers.ts";
import { presence } from "./core/presence.ts";
import { ready } from "./core/ready.ts";
import { rooms } from "./core/rooms.ts";
import { state } from "./core/state.ts";

// As most applications begin: with an HTTP server of their own, which has no meaning on API Gateway.
const io = new Server(createServer(), {
  path: "/prod",
  addTrailingSlash: false,
  transports: ["websocket"],
  ...engineOptions,
});

// First, since it removes listeners to show that it can.
emitters(io);
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
engine(io);
clients(io);
corners(io);

export default io;
