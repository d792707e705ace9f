import { createServer } from "node:http";
import { Server } from "skysocket";
import { busy } from "./core/busy.ts";
import { clients } from "./core/clients.ts";
import { corners } from "./core/corners.ts";
import { emitters } from "./core/emitters.ts";
import { engine, engineOptions } from "./core/engine.ts";
import { insides } from "./core/insides.ts";
import { wire } from "./core/wire.ts";

// As most applications begin: with an HTTP server of their own, which has no meaning on API Gateway.
const io = new Server(createServer(), {
  path: "/prod",
  addTrailingSlash: false,
  transports: ["websocket"],
  ...engineOptions,
});

// First, since it removes listeners to show that it can.
emitters(io);
wire(io);
engine(io);
clients(io);
corners(io);
busy(io);
insides(io);

export default io;
