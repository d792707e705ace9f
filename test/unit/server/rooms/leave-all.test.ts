import { expect, test } from "@jest/globals";
import { Server } from "../../../../lambdas/server/api/index.ts";
import { Harness } from "../../../support/harness.ts";

test("socket.leaveAll() leaves all rooms, at once in socket.rooms and then for who emits to them", async () => {
  const sizes: number[] = [];
  const harness = new Harness({
    app: () => {
      const io = new Server();
      io.on("connection", (socket) => {
        socket.join(["a", "b"]);
        socket.on("leave all", () => {
          sizes.push(socket.rooms.size);
          socket.leaveAll();
          sizes.push(socket.rooms.size);
          io.to(["a", "b", socket.id]).emit("still here?");
        });
        socket.on("say", () => io.to("a").emit("said"));
      });
      return io;
    },
  });
  const wire = await harness.join();
  await wire.emit("leave all");
  await wire.emit("say");
  expect([sizes, wire.events]).toEqual([[3, 0], []]);
});
