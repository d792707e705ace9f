import { expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { Harness } from "../../../support/harness.ts";

test("an echo with acknowledgement costs one read, no write and one post", async () => {
  const harness = new Harness({
    app: () => {
      const io = new Server();
      io.on("connection", (socket) => {
        socket.on("echo", (value, ack) => ack(value));
      });
      return io;
    },
  });
  const wire = await harness.join();
  await harness.settled();
  harness.storeCalls.length = 0;
  const posts = harness.posts;
  await wire.send('420["echo",{"a":1}]');
  expect(wire.frames.at(-1)).toBe('430[{"a":1}]');
  expect(harness.storeCalls).toEqual(["readConnection"]);
  expect(harness.posts - posts).toBe(1);
  expect(harness.log).toEqual([]);
});
