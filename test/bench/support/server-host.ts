/**
 * Child process: a stock Socket.IO server with rooms, as small as a chat can be. It sends its port to the parent, and what it has
 * used so far whenever the parent asks.
 */
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
io.on("connection", (socket) => {
  const { room } = socket.handshake.auth;
  socket.join(room);
  socket.on("message", (text) => {
    socket.to(room).emit("message", text);
  });
});

process.on("message", () => {
  globalThis.gc?.();
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system, bytes: process.memoryUsage.rss() });
});
process.on("disconnect", () => process.exit(0));
http.listen(0, "127.0.0.1", () => {
  const address = http.address();
  if (typeof address === "object" && address) process.send?.({ port: address.port });
});
