import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { io, type ManagerOptions, type Socket } from "socket.io-client";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { TestClouds } from "../support/cloud.ts";
import { Names } from "../support/scenario-names.ts";
import { RawClient } from "../support/scenario-raw.ts";

/** Who is let in, and what the others are told. */
const APP = fileURLToPath(new URL("../apps/echo.ts", import.meta.url));

const clouds = new TestClouds();
let cloud: LocalCloud;
const cleanup: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  cloud = await clouds.start({ app: APP });
});

afterEach(async () => {
  for (const undo of cleanup.splice(0)) await undo();
});

afterAll(() => clouds.stop());

function raw(rest: string, headers: Record<string, string> = {}): RawClient {
  const client = new RawClient("raw", `${cloud.ws}${rest}`, new Names("upgrade"), headers);
  cleanup.push(() => client.stop());
  return client;
}

function client(options: Partial<ManagerOptions>): Socket {
  const socket = io(cloud.url, { path: cloud.path, forceNew: true, reconnection: false, ...options });
  cleanup.push(() => {
    socket.disconnect();
  });
  return socket;
}

const echoed = async (socket: Socket): Promise<unknown> =>
  await Promise.race([
    socket.emitWithAck("echo", "hello"),
    new Promise((_, reject) => {
      socket.once("connect_error", reject);
    }),
  ]);

describe("the official client", () => {
  test.each([true, false])('connects with path "/prod", addTrailingSlash: %s', async (addTrailingSlash) => {
    expect(cloud.path).toBe("/prod");
    const socket = client({ transports: ["websocket"], addTrailingSlash });
    expect(await echoed(socket)).toBe("hello");
  });

  test("connects with subprotocols, the first of which is answered", async () => {
    const socket = client({ transports: ["websocket"], protocols: ["chat.v1", "token.abc"] });
    expect(await echoed(socket)).toBe("hello");
  });

  test("without `transports` is told that it cannot poll here, instead of waiting", async () => {
    const socket = client({});
    const error = await new Promise<Error & { description?: unknown }>((resolve) => {
      socket.once("connect_error", resolve);
    });
    expect(error.message).toBe("xhr poll error");
    // "Upgrade Required": what there is to be done.
    expect(error.description).toBe(426);
  });

  test("with `tryAllTransports` gets through all the same", async () => {
    expect(await echoed(client({ tryAllTransports: true }))).toBe("hello");
  });
});

describe("an upgrade", () => {
  const query = "/?EIO=4&transport=websocket";

  test.each([
    ["of another protocol version", "/?EIO=3&transport=websocket", 400],
    ["without a protocol version", "/?transport=websocket", 400],
    ["of another transport", "/?EIO=4&transport=polling", 400],
    ["without a transport", "/?EIO=4", 400],
    ["without any query", "/", 400],
    ["of a session that began elsewhere", `${query}&sid=abc`, 400],
    ["to a path below the stage", "/socket.io/?EIO=4&transport=websocket", 403],
  ])("%s is refused with its status", async (_, rest, status) => {
    expect(await raw(rest).refused()).toEqual(["refused", status]);
  });

  test.each(["https://evil.example", "https://good.example.evil.example", "http://good.example", "null"])(
    "of a page at %s is refused with 403",
    async (origin) => {
      expect(await raw(query, { origin }).refused()).toEqual(["refused", 403]);
    },
  );

  test.each(["https://good.example", "https://chat.good.example"])(
    "of a page at %s is let in",
    async (origin) => {
      expect(await raw(query, { origin }).opened()).toContain("open");
    },
  );

  test("without an Origin header, as programs send it, is let in", async () => {
    expect(await raw(query).opened()).toContain("open");
  });
});
