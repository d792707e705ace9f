// Both applications in the local cloud, which comes with the package, and the official client.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Server } from "skysocket";
import { parser } from "skysocket/client";
import { startLocalCloud } from "skysocket/local";
import { connect } from "skysocket/outside";
import { io } from "socket.io-client";

const require = createRequire(import.meta.url);
assert(require("skysocket")() instanceof require("skysocket").Server);
const names = ["TABLE_NAME", "CALLBACK_URL", "SOCKET_FUNCTION_NAME", "FAN_OUT_FUNCTION_NAME"];
const environment = Object.fromEntries(names.map((name) => [`SKYSOCKET_${name}`, "https://a.example"]));
environment.AWS_REGION = "eu-central-1";
connect(new Server(), environment);
require("skysocket/outside").connect(require("skysocket")(), environment);

for (const app of ["typescript/app.ts", "commonjs/app.cjs"]) {
  const cloud = await startLocalCloud({ app, onLog: ({ level, text }) => console.log(level, text) });
  const page = await fetch(`${cloud.url}/socket.io-client/socket.io.esm.min.js`);
  assert.equal(page.status, 200);
  const options = { path: cloud.path, transports: ["websocket"], forceBase64: true, parser };
  const socket = io(cloud.url, options);
  assert.equal(await socket.emitWithAck("hi", app), `hello ${app}`);
  socket.disconnect();
  await cloud.stop();
  console.log(`${app} answers`);
}
