/** `io` where no event is running: in a function of the stack that is not the socket function, and in a timer of that one. */
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { io, type Socket } from "socket.io-client";
import type { LocalCloud } from "../../infra/local/cloud.ts";
import { startLocalCloud } from "../../infra/local/cloud.ts";
import { assemblyOf } from "../support/assemblies.ts";

let cloud: LocalCloud;
const sockets: Socket[] = [];

beforeAll(async () => {
  const cdkApp = fileURLToPath(new URL("../apps/outside/cdk.ts", import.meta.url));
  // The schedule's minute takes 2 s.
  cloud = await startLocalCloud({ assembly: await assemblyOf({ cdkApp }), timeScale: 30 });
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
});

afterAll(async () => {
  await cloud?.stop();
});

function dial(nsp = "/"): Socket {
  const { url, path } = cloud;
  const socket = io(`${url}${nsp}`, { path, transports: ["websocket"], forceNew: true });
  sockets.push(socket);
  return socket;
}

/** Acknowledges all mail until this one comes. */
const mail = (socket: Socket, wanted: string): Promise<void> =>
  new Promise((resolve) => {
    socket.on("mail", (text: string, ack: () => void) => {
      ack();
      if (text === wanted) resolve();
    });
  });

test("a function that grantEmit has connected reaches inboxes, rooms and large rooms, with no right too few", async () => {
  const [ada, bob] = [dial(), dial()];
  const counts = [ada, bob].map(
    (socket) =>
      new Promise<void>((resolve) => {
        socket.on("count", (count: number) => count === 2 && resolve());
      }),
  );
  await Promise.all([mail(ada, "from a schedule"), ...counts]);
  expect(cloud.logs.lines.filter(({ text }) => /AccessDenied|SKY_|Error/.test(text))).toEqual([]);
});

test("it asks clients, and disconnects them: their listeners run in the socket function", async () => {
  const [ada, bob] = [dial(), dial("/asked")];
  const gone = new Promise<unknown>((resolve) => ada.on("gone", resolve));
  await new Promise<void>((resolve) => ada.on("connect", resolve));
  bob.on("name", (answer: (name: string) => void) => answer("bob"));
  const asked = new Promise<void>((resolve) => {
    bob.on("names", (...lists: unknown[]) => lists.every((list) => String(list) === "bob") && resolve());
  });
  // Who comes between two of its questions is asked by the next run.
  bob.on("disconnect", () => bob.connect());
  await asked;
  expect(await new Promise((resolve) => bob.once("disconnect", resolve))).toBe("io server disconnect");
  expect(await gone).toBe("server namespace disconnect");
  // A run that asks a client whom the run before is still sending away gets no answer, as on stock.
  const wrong = cloud.logs.lines.filter(({ text }) => /AccessDenied|SKY_|Error/.test(text));
  expect(wrong.filter(({ text }) => !text.includes("operation has timed out"))).toEqual([]);
});

test("a timer of the module emits to an inbox", async () => {
  const ada = dial();
  const asker = dial("/ask");
  const came = mail(ada, "from a timer");
  let over = false;
  void came.then(() => {
    over = true;
  });
  // An instance runs only while it handles events: in one of them the timer fires.
  while (!over) await Promise.race([came, asker.emitWithAck("timer")]);
  expect(cloud.logs.lines.filter(({ text }) => /AccessDenied|SKY_EFFECT|SKY_NO_INV/.test(text))).toEqual([]);
});
