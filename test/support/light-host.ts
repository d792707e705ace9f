/**
 * Child process: serves an application module on the in-process host and sends its port to the parent. A process of its own,
 * as stock's has, so that the test's globals are not the server's.
 */
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { attachHost } from "./in-process-host.ts";

const [app, order] = process.argv.slice(2);
if (!app) throw new Error("usage: light-host.ts APP [ordered]");
const module: { default?: unknown } = await import(pathToFileURL(app).href);
const http = createServer((_request, response) => response.writeHead(404).end());
attachHost(http, module.default, { path: "prod", ordered: order === "ordered" });
http.listen(0, "127.0.0.1", () => {
  const address = http.address();
  if (typeof address === "object" && address) process.send?.({ port: address.port });
});
// As the socket function's runtime does: what an application fails at must not end it.
for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, () => undefined);
// The parent is gone: nobody is left to stop this process.
process.on("disconnect", () => process.exit(0));
