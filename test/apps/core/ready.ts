import type { Server } from "skysocket";

/** Namespaces in which scenarios let one client send to another. */
export const READY_NAMESPACES = [
  "/",
  "/chat",
  "/corners",
  "/corners/operators",
  "/everyone",
  "/life",
  "/news",
  "/peers",
  "/plain",
  "/rooms",
  "/members",
];

/**
 * Lets a client ask whether it is all there. `connect` reaches it some milliseconds before its rooms are in the table, so that a
 * third party who knows of it by other ways could send too early; its own events wait for that.
 */
export function ready(io: Server): void {
  for (const name of READY_NAMESPACES) {
    io.of(name).on("connection", (socket) => {
      socket.on("ready?", (ack) => ack());
    });
  }
}
