import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import { EventStream } from "../../../infra/local/event-stream.ts";
import { Hosts } from "../../../infra/local/hosts.ts";
import { createMeter } from "../../../infra/local/meter.ts";
import { PublicServer } from "../../../infra/local/public-server.ts";
import { startGateway } from "../../support/local-gateway.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Bench {
  readonly server: PublicServer;
  readonly told: readonly string[];
  /** Of a request for `/config.json` with this Host. */
  ask(host: string): Promise<{ readonly status: number; readonly body: string }>;
}

async function start(...hosts: string[]): Promise<Bench> {
  const told: string[] = [];
  const errors: unknown[] = [];
  const server = await PublicServer.listen({
    port: 0,
    hosts: new Hosts(hosts),
    onError: (error) => errors.push(error),
    onRefused: (message) => told.push(message),
  });
  cleanups.push(async () => {
    await server.close();
    expect(errors).toEqual([]);
  });
  const { gateway, stop } = await startGateway();
  cleanups.push(stop);
  server.show({
    gateway,
    events: new EventStream(createMeter()),
    config: { url: server.url, path: "/prod" },
  });
  return {
    server,
    told,
    async ask(host) {
      const asked = request(`${server.url}/config.json`, { headers: { host } }).end();
      const [response] = await once(asked, "response");
      return { status: response.statusCode, body: await text(response) };
    },
  };
}

describe("the host that a request names", () => {
  test.each(["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.0.0.1:3000", "localhost:1", "[::1]:80"])(
    "%s is answered",
    async (host) => {
      const { ask, told } = await start();
      expect((await ask(host)).status).toBe(200);
      expect(told).toEqual([]);
    },
  );

  test.each(["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:3000", "192.168.1.20"])(
    "%j is refused",
    async (host) => {
      const { ask } = await start();
      expect((await ask(host)).status).toBe(403);
    },
  );

  test("that is not there is refused", () => {
    expect(new Hosts().allows(undefined)).toBe(false);
  });

  test("is answered if it was asked for, and no other", async () => {
    const { ask } = await start("My-Laptop.local", "tunnel.example");
    const answers = ["my-laptop.local:3000", "tunnel.example", "localhost", "other.example"].map(ask);
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 403]);
  });

  test("is told in the answer, with what to do, and once in the log", async () => {
    const { ask, told } = await start();
    const { body } = await ask("my-laptop.local:3000");
    expect(body).toBe(
      'The local cloud answers requests to 127.0.0.1, localhost, [::1], and this one is to "my-laptop.local:3000". ' +
        "If that is your name for this machine, start it with --host my-laptop.local.\n",
    );
    await ask("my-laptop.local:3000");
    expect(told).toEqual([body.trim()]);
  });

  test("counts for upgrades as well, before any function is called", async () => {
    const { server } = await start();
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/prod`, { headers: { host: "evil.example" } });
    const [, response] = await once(socket, "unexpected-response");
    expect(response.statusCode).toBe(403);
    expect(await text(response)).toContain('this one is to "evil.example"');
  });
});

test("no other origin can read what the page reads", async () => {
  const { server } = await start();
  const headers = { origin: "http://evil.example" };
  const response = await fetch(`${server.url}/config.json`, { headers });
  expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
});

test("an address of this machine is listened at, beside its own", () => {
  expect(new Hosts().addresses).toEqual(["127.0.0.1"]);
  expect(new Hosts(["name.example"]).addresses).toEqual(["127.0.0.1"]);
  expect(new Hosts(["192.168.1.20", "::1"]).addresses).toEqual(["127.0.0.1", "192.168.1.20", "::1"]);
  expect(new Hosts(["192.168.1.20", "0.0.0.0"]).addresses).toEqual(["0.0.0.0"]);
});

test("an address of another machine cannot be listened at", async () => {
  const options = { port: 0, onError: () => undefined, onRefused: () => undefined };
  await expect(PublicServer.listen({ ...options, hosts: new Hosts(["192.0.2.1"]) })).rejects.toMatchObject({
    code: "OPTIONS_INVALID",
    message: expect.stringContaining("does not have the address 192.0.2.1"),
  });
});
