import { expect, test } from "@jest/globals";
import { Server } from "../../../lambdas/server/api/index.ts";
import { Harness } from "../../support/harness.ts";

const harnessOf = (): Harness =>
  new Harness({
    app: () => {
      const io = new Server();
      io.on("connection", (socket) => {
        void socket.join("all");
        socket.on("ask me", async (ack) => {
          ack(await socket.timeout(25_000).emitWithAck("question"));
        });
        socket.on("ask all", async (ack) => {
          ack(await io.to("all").timeout(25_000).emitWithAck("question"));
        });
      });
      return io;
    },
  });

const question = (frame: string): boolean => frame.includes('["question"]');
const idOf = (frame: string): string => /^42(\d+)/.exec(frame)?.[1] ?? "";
const stored = ({ writes }: Harness): number =>
  writes.filter((write) => write.startsWith("putAnswer")).length;

test("an answer that was asked for reaches who asked, while it is still running", async () => {
  const harness = harnessOf();
  const wire = await harness.join();
  const asking = wire.send('421["ask me"]');
  await wire.send(`43${idOf(await wire.next(question))}["yes"]`);
  await asking;
  expect(wire.frames.at(-1)).toBe('431["yes"]');
});

test("a room is asked under one id, and each of its sockets may answer, once", async () => {
  const harness = harnessOf();
  const [ada, bob] = [await harness.join(), await harness.join()];
  const asking = ada.send('421["ask all"]');
  await bob.send(`43${idOf(await bob.next(question))}["bob"]`);
  await bob.send(`43${idOf(bob.frames.at(-1) ?? "")}["bob again"]`);
  await ada.send(`43${idOf(await ada.next(question))}["ada"]`);
  await asking;
  const [, answers] = /^431\[(.*)\]$/.exec(ada.frames.at(-1) ?? "") ?? [];
  expect(JSON.parse(answers ?? "[]").sort()).toEqual(["ada", "bob"]);
});

test("one that nobody asked for is not kept: whoever asks under its id later gets the answer to that", async () => {
  const harness = harnessOf();
  const wire = await harness.join();
  await wire.send('435["forged"]');
  expect(stored(harness)).toBe(1);
  const row = (await harness.store.readConnection(wire.connectionId)).sockets[0];
  expect(await harness.store.readAnswer(row?.id ?? "", 5)).toBeUndefined();
});
