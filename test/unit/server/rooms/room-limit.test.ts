import { expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { Harness } from "../../../support/harness.ts";

const names = (n: number, prefix = "room"): string[] => Array.from({ length: n }, (_, i) => `${prefix} ${i}`);

const harnessOf = (maxRoomsPerSocket?: number): Harness =>
  new Harness({
    app: () => {
      const io = new Server(maxRoomsPerSocket === undefined ? {} : { maxRoomsPerSocket });
      io.on("connection", (socket) => {
        socket.on("join", async (n, prefix, ack) => {
          try {
            await socket.join(names(n, prefix));
            ack("joined", socket.rooms.size);
          } catch (error) {
            ack(error instanceof Error && "code" in error ? error.code : error, socket.rooms.size);
          }
        });
      });
      return io;
    },
  });

test("a socket may be in 500 rooms, its own among them, and in none more", async () => {
  const harness = harnessOf();
  const wire = await harness.join();
  await wire.send('421["join",499,"a"]');
  expect(wire.frames.at(-1)).toBe('431["joined",500]');
  await wire.send('422["join",1,"b"]');
  expect(wire.frames.at(-1)).toBe('432["SKY_TOO_MANY_ROOMS",500]');
  // Where it is already, it may be.
  await wire.send('423["join",499,"a"]');
  expect(wire.frames.at(-1)).toBe('433["joined",500]');
  expect(harness.log).toEqual([]);
});

test("of too many at once it joins none", async () => {
  const harness = harnessOf(3);
  const wire = await harness.join();
  await wire.send('421["join",3,"a"]');
  await wire.send('422["join",2,"b"]');
  expect(wire.frames.slice(-2)).toEqual(['431["SKY_TOO_MANY_ROOMS",1]', '432["joined",3]']);
});
