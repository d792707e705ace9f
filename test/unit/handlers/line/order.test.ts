import { describe, expect, test } from "@jest/globals";
import { LineBench } from "../../../support/line-bench.ts";

/** Of one client of the default namespace. */
const C = "C=";

async function connected(...args: ConstructorParameters<typeof LineBench>): Promise<LineBench> {
  const bench = new LineBench(...args);
  await bench.connection(C);
  bench.send(C, "40");
  await bench.queue.empty();
  return bench;
}

const event = (...data: readonly unknown[]): string => `42${JSON.stringify(data)}`;

describe("a client's events", () => {
  test("run one after the other, in their order, and state goes from one to the next", async () => {
    const bench = await connected((io, { clock }) => {
      io.on("connection", (socket) => {
        socket.on("step", async (n: number, ms: number) => {
          await clock.sleep(ms);
          socket.data.count = (socket.data.count ?? 0) + 1;
          socket.emit("stepped", n, socket.data.count);
        });
      });
    });
    bench.send(C, ...Array.from({ length: 60 }, (_, i) => event("step", i, (i * 7) % 20)));
    await bench.queue.empty();
    expect(bench.heard(C)).toEqual(Array.from({ length: 60 }, (_, i) => event("stepped", i, i + 1)));
    expect(bench.ports.logged).toEqual([]);
  });

  test("of one batch have closures of their own, as those of several have", async () => {
    const bench = await connected((io) => {
      io.on("connection", (socket) => {
        let seen = 0;
        socket.on("seen?", () => socket.emit("seen", ++seen));
      });
    });
    bench.send(C, event("seen?"), event("seen?"));
    await bench.queue.empty();
    expect(bench.heard(C)).toEqual([event("seen", 1), event("seen", 1)]);
  });

  test("in one tick with CONNECT, in two namespaces, keep their order", async () => {
    const bench = new LineBench((io) => {
      io.on("connection", async (socket) => {
        await socket.join("room");
        socket.on("say", (text: string) => io.to("room").emit("said", text));
      });
      io.of("/other").on("connection", (socket) => {
        socket.on("say", (text: string) => socket.emit("other said", text));
      });
    });
    await bench.connection(C);
    bench.send(C, "40", "40/other,", event("say", "a"), '42/other,["say","b"]', event("say", "c"), "41");
    await bench.queue.empty();
    expect(bench.heard(C)).toEqual([event("said", "a"), '42/other,["other said","b"]', event("said", "c")]);
    expect(bench.ports.logged).toEqual([]);
  });

  test("overlap when a handler takes longer than its time, and a slow one does not hold the line", async () => {
    const bench = await connected((io, { clock }) => {
      io.on("connection", (socket) => {
        socket.on("slow", async () => {
          await clock.sleep(5_000);
          socket.data.slow = true;
          socket.emit("slow is over");
        });
        socket.on("fast", (n: number) => socket.emit("fast", n));
      });
    });
    const began = bench.ports.clock.now();
    bench.send(C, event("slow"), event("fast", 1), event("fast", 2));
    const heard: number[] = [];
    bench.ports.gateway.answer = () => {
      heard.push(bench.ports.clock.now() - began);
      return "ok";
    };
    await bench.queue.empty();
    expect(bench.heard(C)).toEqual([event("fast", 1), event("fast", 2), event("slow is over")]);
    expect(heard[1]).toBeLessThan(1_000);
    const { sockets } = await bench.ports.store.readConnection(C);
    expect(sockets[0]?.data).toEqual({ slow: "true" });
  });

  test("that come while a handler still runs are begun elsewhere, after what it has sent so far", async () => {
    const bench = await connected((io, { clock }) => {
      io.on("connection", (socket) => {
        socket.on("slow", async () => {
          socket.emit("first");
          await clock.sleep(5_000);
          socket.emit("last");
        });
        socket.on("next", () => socket.emit("next"));
      });
    });
    bench.send(C, event("slow"));
    await bench.ports.clock.sleep(100);
    bench.send(C, event("next"));
    await bench.queue.empty();
    expect(bench.heard(C)).toEqual([event("first"), event("next"), event("last")]);
  });

  test("a handler that asks its own client does not wait behind itself, whatever the answer looks like", async () => {
    const bench = await connected((io) => {
      io.on("connection", (socket) => {
        socket.on("ask", async () => {
          socket.emit("answered", await socket.emitWithAck("question"));
        });
        socket.on("next", () => socket.emit("next"));
      });
    });
    bench.ports.gateway.answer = (connectionId, frame) => {
      const [, id] = /^42(\d+)\["question"\]/.exec(frame) ?? [];
      // The second has an attachment, so that it comes through the line.
      if (id) bench.send(connectionId, `461-${id}[{"_placeholder":true,"num":0}]`, "bAQID");
      return "ok";
    };
    bench.send(C, event("ask"), event("next"));
    await bench.queue.empty();
    expect(bench.heard(C).filter((frame) => !frame.includes("question"))).toEqual([
      event("next"),
      '451-["answered",{"_placeholder":true,"num":0}]',
      "bAQID",
    ]);
    expect(bench.ports.logged).toEqual([]);
  });

  test("disconnect comes last, once, and nobody waits for it", async () => {
    const order: unknown[] = [];
    const bench = await connected((io, { clock }) => {
      io.on("connection", (socket) => {
        socket.on("say", async (n: number) => {
          await clock.sleep(20);
          order.push(n);
        });
        socket.on("disconnect", (reason) => order.push(reason));
      });
    });
    bench.send(C, event("say", 1), event("say", 2), "41");
    bench.queue.disconnect(C, "end", bench.ports.clock.now());
    await bench.queue.empty();
    expect(order).toEqual([1, 2, "client namespace disconnect"]);
    expect(await bench.ports.store.readConnection(C)).toMatchObject({ connection: undefined });
  });

  test("with several attachments at once are read in their places, also over the end of a batch", async () => {
    const bench = await connected((io) => {
      io.on("connection", (socket) => {
        socket.on("put", (n: number, ...parts: Buffer[]) => {
          socket.emit("got", n, ...parts.map((part) => part.toString()));
        });
      });
    });
    const attachment = (text: string): string => `b${Buffer.from(text).toString("base64")}`;
    const place = (num: number) => ({ _placeholder: true, num });
    const put = (n: number): string[] => [
      `453-${JSON.stringify(["put", n, place(0), place(1), place(2)])}`,
      ...["a", "b", "c"].map((name) => attachment(`${name}${n}`)),
    ];
    bench.send(C, ...Array.from({ length: 15 }, (_, n) => put(n)).flat());
    await bench.queue.empty();
    expect(bench.heard(C)).toEqual(
      Array.from({ length: 15 }, (_, n) => event("got", n, `a${n}`, `b${n}`, `c${n}`)),
    );
    expect(bench.ports.logged).toEqual([]);
  });
});

test("batches of several connections are worked through side by side, each in its order", async () => {
  const bench = new LineBench(
    (io) => {
      io.on("connection", (socket) => {
        socket.on("say", (n: number) => socket.emit("said", n));
      });
    },
    { mixed: true },
  );
  const clients = Array.from({ length: 5 }, (_, i) => `C${i}=`);
  for (const client of clients) {
    await bench.connection(client);
    bench.send(client, "40");
  }
  for (let n = 0; n < 6; n++) for (const client of clients) bench.send(client, event("say", n));
  await bench.queue.empty();
  for (const client of clients) {
    expect(bench.heard(client)).toEqual(Array.from({ length: 6 }, (_, n) => event("said", n)));
  }
  expect(bench.ports.logged).toEqual([]);
});
