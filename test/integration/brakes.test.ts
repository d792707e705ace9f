/** The brakes of the construct, as the local cloud runs them from the template. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import { type LocalCloud, startLocalCloud } from "../../infra/local/cloud.ts";
import { assemblyOf } from "../support/assemblies.ts";

let cloud: LocalCloud;
const sockets: Socket[] = [];

beforeAll(async () => {
  const cdkApp = fileURLToPath(new URL("../apps/brakes/cdk.ts", import.meta.url));
  cloud = await startLocalCloud({ assembly: await assemblyOf({ cdkApp }) });
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
});

afterAll(async () => {
  await cloud?.stop();
});

/** "connected", or the status of a refused upgrade. */
function dial(query: Readonly<Record<string, string>>): Promise<string> {
  const { url, path } = cloud;
  const socket = io(url, { path, query, transports: ["websocket"], forceNew: true, reconnection: false });
  sockets.push(socket);
  return new Promise((resolve) => {
    socket.on("connect", () => resolve("connected"));
    socket.on("connect_error", (error) => {
      // What `ws` says of the upgrade: "Unexpected server response: 401".
      const cause: unknown = Reflect.get(error, "description");
      resolve(String(Reflect.get(Object(cause), "message")));
    });
  });
}

/** Which functions have run since, in this order, of what clients did. */
function runsSince(mark: ReturnType<LocalCloud["meter"]["mark"]>): string[] {
  return cloud.meter
    .events(mark)
    .flatMap((event) =>
      event.kind === "lambda" && event.trigger === "$connect"
        ? [event.functionId.replace(/[0-9A-F]{8}$/, "")]
        : [],
    );
}

test("an authorizer decides before the socket function is started", async () => {
  const start = cloud.meter.mark();
  expect(await dial({})).toContain("401");
  expect(runsSince(start)).toEqual([]);
  expect(await dial({ token: "bad" })).toContain("403");
  expect(await dial({ token: "unknown" })).toContain("401");
  expect(runsSince(start)).toEqual(["Guard", "Guard"]);
  expect(await dial({ token: "good" })).toBe("connected");
  expect(runsSince(start)).toEqual(["Guard", "Guard", "Guard", "RealtimeSocket"]);
});

test("the template's limits are those that run", () => {
  const { functions, apis, queues } = cloud.model;
  const reserved = functions.map(({ logicalId, reservedConcurrency }) => [
    logicalId.replace(/^Realtime|(Function)?[0-9A-F]{8}$/g, ""),
    reservedConcurrency,
  ]);
  expect(Object.fromEntries(reserved)).toEqual({ Guard: undefined, FanOut: 20, Socket: 20, Heartbeat: 2 });
  expect(apis.map(({ throttle }) => throttle)).toEqual([{ ratePerSec: 50, burst: 50 }]);
  const failing = functions.filter(({ logicalId }) => logicalId.startsWith("Realtime"));
  const failed = queues.filter(({ arn }) => arn.includes("FailedTasks")).map(({ arn }) => arn);
  expect(failed).toHaveLength(1);
  expect(new Set(failing.map(({ onFailure }) => onFailure))).toEqual(new Set(failed));
});
