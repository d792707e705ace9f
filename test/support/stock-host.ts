/**
 * Child process: serves a bundled application module on stock Socket.IO and sends its port to the parent. A process of
 * its own, so that the test's globals are not the server's (Jest runs tests in another realm than Node's modules).
 */
import { createServer, Server as HttpServer } from "node:http";
import { pathToFileURL } from "node:url";
import { Server } from "socket.io";

const bundle = process.argv[2];
if (!bundle) throw new Error("usage: stock-host.ts BUNDLE");
const module: { default?: unknown } = await import(pathToFileURL(bundle).href);
const io = module.default;
if (!(io instanceof Server)) {
  throw new Error(`${bundle} has no default-exported Socket.IO Server; export it as default`);
}
// An application that made its own HTTP server, as stock's usually do, is attached already.
const attached = io.httpServer instanceof HttpServer ? io.httpServer : undefined;
const http = attached ?? createServer();
// Both `/prod` and `/prod/`, as on API Gateway, where the stage is the whole path.
if (!attached) io.attach(http, { path: "/prod", addTrailingSlash: false, transports: ["websocket"] });
http.listen(0, "127.0.0.1", () => {
  const address = http.address();
  if (typeof address === "object" && address) process.send?.({ port: address.port });
});
// The parent is gone: nobody is left to stop this process.
process.on("disconnect", () => process.exit(0));
