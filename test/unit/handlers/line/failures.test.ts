import { describe, expect, test } from "@jest/globals";
import { toLineMessage } from "../../../../lambdas/handlers/line/messages.ts";
import { Position } from "../../../../lambdas/handlers/line/position.ts";
import { KEPT_MS, LINE_VISIBILITY_SECONDS } from "../../../../lambdas/handlers/line/timing.ts";
import { fakePorts } from "../../../support/fake-ports.ts";
import { LineBench } from "../../../support/line-bench.ts";
import { urlEncoded } from "../../../support/line-queue.ts";

const C = "C=";
const event = (...data: readonly unknown[]): string => `42${JSON.stringify(data)}`;
const never = (): Promise<void> => new Promise(() => undefined);

describe("a batch whose instance dies", () => {
  test("comes again from the event that it died in, which runs twice, and then no more", async () => {
    const runs: string[] = [];
    let die = (): void => undefined;
    const bench = new LineBench(
      (io, { clock }) => {
        io.on("connection", (socket) => {
          socket.on("say", async (what: string) => {
            runs.push(what);
            if (what === "poison") {
              // What was done before it has been written by now.
              await clock.sleep(100);
              die();
              await never();
            }
          });
        });
      },
      {
        death: () =>
          new Promise((resolve) => {
            die = resolve;
          }),
        server: { orderHoldMs: 10_000 },
      },
    );
    await bench.connection(C);
    bench.send(C, "40");
    await bench.queue.empty();
    bench.send(C, event("say", "a"), event("say", "b"), event("say", "poison"), event("say", "c"));
    await bench.queue.empty();
    expect(runs).toEqual(["a", "b", "poison", "poison", "c"]);
    expect(bench.queue.dead.map(({ body }) => body)).toEqual([event("say", "poison")]);
    expect(bench.ports.logged.map(([code]) => code)).toEqual(["SKY_EVENT_CRASHED"]);
  });

  test("delays nobody else", async () => {
    const heard: string[] = [];
    let die = (): void => undefined;
    const bench = new LineBench(
      (io) => {
        const dieHere = die; // made for the instance that declares this
        io.on("connection", (socket) => {
          socket.on("poison", () => {
            dieHere();
            return never();
          });
          socket.on("say", (what: string) => heard.push(what));
        });
      },
      {
        death: () =>
          new Promise((resolve) => {
            die = resolve;
          }),
      },
    );
    await bench.connection(C);
    await bench.connection("D=");
    bench.send(C, "40");
    bench.send("D=", "40");
    await bench.queue.empty();
    const began = bench.ports.clock.now();
    bench.send(C, event("poison"), event("say", "after"));
    bench.send("D=", event("say", "beside"));
    await bench.ports.clock.sleep(1_000);
    expect(heard).toEqual(["beside"]);
    await bench.queue.empty();
    expect(heard).toEqual(["beside", "after"]);
    // As long as a batch is hidden that was not delivered before, and as long as one that was.
    expect(bench.ports.clock.now() - began).toBeLessThanOrEqual(
      LINE_VISIBILITY_SECONDS * 1_000 + KEPT_MS + 500,
    );
  });
});

describe("when DynamoDB refuses", () => {
  test("events that were not begun come again, in their order; none is run twice", async () => {
    const runs: number[] = [];
    const ports = fakePorts();
    let refusals = 3;
    const store = new Proxy(ports.store, {
      get: (target, name, receiver) => {
        if (name !== "readConnection") return Reflect.get(target, name, receiver);
        return (...args: Parameters<typeof target.readConnection>) => {
          if (runs.length === 2 && refusals-- > 0) throw new Error("throttled");
          return target.readConnection(...args);
        };
      },
    });
    const bench = new LineBench(
      (io, { clock }) => {
        io.on("connection", (socket) => {
          socket.on("say", async (n: number) => {
            runs.push(n);
            await clock.sleep(150); // what was read is too old for the next
          });
        });
      },
      { changes: { store } },
    );
    await bench.connection(C);
    bench.send(C, "40");
    await bench.queue.empty();
    bench.send(C, ...[1, 2, 3, 4].map((n) => event("say", n)));
    await bench.queue.empty();
    expect(runs).toEqual([1, 2, 3, 4]);
    expect(new Set(bench.ports.logged.map(([code]) => code))).toEqual(new Set(["SKY_LINE_RETRIED"]));
  });
});

test("an event that its instance died in may wait for DynamoDB any number of times before it runs once more", async () => {
  let runs = 0;
  let die = (): void => undefined;
  let refusals = 0;
  const ports = fakePorts();
  const store = new Proxy(ports.store, {
    get: (target, name, receiver) => {
      if (name !== "readConnection") return Reflect.get(target, name, receiver);
      return (...args: Parameters<typeof target.readConnection>) => {
        // Not the reading that tells how far the line has come.
        if (runs === 1 && args[1] !== null && refusals++ < 3) throw new Error("throttled");
        return target.readConnection(...args);
      };
    },
  });
  const bench = new LineBench(
    (io) => {
      const dieHere = die;
      io.on("connection", (socket) => {
        socket.on("die once", () => {
          if (++runs === 1) {
            dieHere();
            return never();
          }
        });
      });
    },
    {
      changes: { store },
      death: () =>
        new Promise((resolve) => {
          die = resolve;
        }),
    },
  );
  await bench.connection(C);
  bench.send(C, "40");
  await bench.queue.empty();
  bench.send(C, event("die once"));
  await bench.queue.empty();
  expect([runs, refusals]).toEqual([2, 4]);
  expect(bench.queue.dead).toEqual([]);
});

test("an event that its instance died in has all the time of others when it runs once more", async () => {
  const runs: string[] = [];
  let die = (): void => undefined;
  const bench = new LineBench(
    (io, { clock }) => {
      const dieHere = die;
      io.on("connection", (socket) => {
        socket.on("die once", async () => {
          runs.push("begun");
          if (runs.length === 1) {
            dieHere();
            return never();
          }
          // Longer than its message is hidden at a time.
          await clock.sleep(2 * KEPT_MS - 1_000);
          runs.push("done");
        });
        socket.on("say", (what: string) => runs.push(what));
      });
    },
    {
      death: () =>
        new Promise((resolve) => {
          die = resolve;
        }),
      server: { orderHoldMs: 10_000 },
    },
  );
  await bench.connection(C);
  bench.send(C, "40");
  await bench.queue.empty();
  bench.send(C, event("die once"), event("say", "after"));
  await bench.queue.empty();
  expect(runs).toEqual(["begun", "begun", "done", "after"]);
});

test("an instance that stood still begins nothing that somebody else may have by now", async () => {
  const runs: number[] = [];
  const bench = new LineBench(
    (io, { clock }) => {
      io.on("connection", (socket) => {
        socket.on("freeze", async () => await clock.sleep(40_000));
        socket.on("say", (n: number) => runs.push(n));
      });
    },
    { server: { orderHoldMs: 10_000 } },
  );
  await bench.connection(C);
  bench.send(C, "40");
  await bench.queue.empty();
  bench.send(C, event("freeze"), event("freeze"), event("freeze"), event("say", 1));
  await bench.queue.empty();
  expect(runs).toEqual([1]);
});

test("an instance that stood still while it read runs nothing that somebody else has run by now", async () => {
  const runs: number[] = [];
  let connected = Number.POSITIVE_INFINITY;
  const bench = new LineBench(
    (io) => {
      io.on("connection", (socket) => socket.on("say", (n: number) => runs.push(n)));
    },
    { standsStillAt: (batch) => (batch === connected + 1 ? { call: 1, ms: 40_000 } : undefined) },
  );
  await bench.connection(C);
  bench.send(C, "40");
  await bench.queue.empty();
  connected = bench.queue.batches.length;
  bench.send(C, event("say", 1), event("say", 2));
  await bench.queue.empty();
  expect(bench.stills).toHaveLength(1);
  expect(runs).toEqual([1, 2]);
});

test("a batch that an instance gets when its time is nearly over comes again, which is no error", async () => {
  const runs: number[] = [];
  let connected = Number.POSITIVE_INFINITY;
  const bench = new LineBench(
    (io) => {
      io.on("connection", (socket) => socket.on("say", (n: number) => runs.push(n)));
    },
    { lateMs: (batch) => (batch === connected + 1 ? (LINE_VISIBILITY_SECONDS - 1) * 1_000 : 0) },
  );
  await bench.connection(C);
  bench.send(C, "40");
  await bench.queue.empty();
  connected = bench.queue.batches.length;
  bench.send(C, event("say", 1), event("say", 2));
  await bench.queue.empty();
  expect(runs).toEqual([1, 2]);
  expect(bench.ports.logged.map(([code]) => code)).toEqual(["SKY_LINE_RETRIED"]);
});

test("what could not be deleted when the line was let go is passed over when it comes again", async () => {
  const runs: number[] = [];
  const bench = new LineBench((io, { clock }) => {
    io.on("connection", (socket) => {
      socket.on("slow", async (n: number) => {
        runs.push(n);
        await clock.sleep(2_000);
      });
    });
  });
  await bench.connection(C);
  bench.send(C, "40");
  await bench.queue.empty();
  bench.queue.remove = () => Promise.reject(new Error("SQS does not answer"));
  bench.send(C, event("slow", 1), event("slow", 2));
  await bench.queue.empty();
  expect(runs).toEqual([1, 2]);
  expect(bench.ports.logged.map(([code]) => code)).toEqual(["SKY_LINE_NOT_RELEASED"]);
});

test("something that nobody of ours has put into the queue is deleted, and told", async () => {
  const bench = new LineBench(() => undefined);
  await bench.queue.send({ connectionId: C, id: "1", body: "hello" });
  await bench.queue.empty();
  expect(bench.ports.logged.map(([code]) => code)).toEqual(["SKY_LINE_UNREADABLE"]);
});

test.each(
  Array.from({ length: 12 }, (_, i) => [true, false].map((after) => ({ call: i + 1, after }))).flat(),
)(
  "a packet of two batches whose instance dies is no reason to close its connection: $call, $after",
  async (end) => {
    const runs: string[] = [];
    let batches = Number.POSITIVE_INFINITY;
    const bench = new LineBench(
      (io) => {
        io.on("connection", (socket) => socket.on("put", (part: Buffer) => runs.push(String(part))));
      },
      { diesAt: (batch) => (batch === batches + 1 ? end : undefined) },
    );
    await bench.connection(C);
    bench.send(C, "40");
    await bench.queue.empty();
    bench.send(C, '451-["put",{"_placeholder":true,"num":0}]');
    await bench.queue.empty();
    batches = bench.queue.batches.length;
    bench.send(C, `b${Buffer.from("a").toString("base64")}`);
    await bench.queue.empty();
    expect(runs.slice(0, 1)).toEqual(["a"]);
    expect(runs.length).toBeLessThanOrEqual(2);
    expect(bench.ports.gateway.closed).toEqual([]);
    expect(bench.ports.logged).toEqual([]);
  },
);

test("a body is read as the templates write it", () => {
  const record = {
    messageId: "m",
    receiptHandle: "r",
    body: `m C= id= 1700000000000 ${urlEncoded('42["two words\\n",  "x"]')}`,
    attributes: {
      SequenceNumber: "18850000000000000001",
      ApproximateReceiveCount: "2",
      ApproximateFirstReceiveTimestamp: "1700000000005",
    },
  };
  expect(toLineMessage(record)).toEqual({
    ...{ kind: "frame", connectionId: "C=", id: "id=", at: 1_700_000_000_000, record },
    body: '42["two words\\n",  "x"]',
    ...{ messageId: "m", receipt: "r", deliveries: 2, deliveredAt: 1_700_000_000_005 },
    ...{
      sequence: "18850000000000000001".padStart(39, "0"),
      place: "18850000000000000001".padStart(39, "0"),
    },
  });
  expect(toLineMessage({ ...record, body: `d C= id 1 ` })).toMatchObject({ kind: "disconnect", body: "" });
  expect(toLineMessage({ ...record, body: "x C= id 1 " })).toBeUndefined();
  expect(toLineMessage({ ...record, body: "m C= id 1 %" })).toBeUndefined();
});

test("the row is told how far a batch is once for many events, and never of one that has not settled", async () => {
  const ports = fakePorts();
  const record = { connectionId: C, sid: "s", connectedAt: ports.clock.now(), handshake: "{}" };
  await ports.store.putConnection(record);
  const messages = Array.from({ length: 5 }, (_, n) => ({
    ...{ kind: "frame" as const, connectionId: C, id: String(n), at: 0, body: "", record: {} },
    ...{ messageId: "", receipt: "", deliveries: 1, deliveredAt: 0, sequence: String(n), place: String(n) },
  }));
  const moved: string[] = [];
  const { moveLine } = ports.store;
  ports.store.moveLine = (connectionId, done) => {
    moved.push(done);
    return moveLine(connectionId, done);
  };
  const position = new Position(ports, C, messages);
  const written = (): Promise<void> => ports.clock.sleep(10);
  for (const n of [0, 1, 3]) position.end(messages[n] ?? fail(), written);
  await ports.clock.sleep(100);
  expect(moved).toEqual(["1"]);
  position.end(messages[2] ?? fail(), written);
  await ports.clock.sleep(100);
  expect(moved).toEqual(["1", "3"]);
  await position.close();
});

const fail = (): never => {
  throw new Error("no such message");
};
