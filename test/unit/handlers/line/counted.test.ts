import { describe, expect, test } from "@jest/globals";
import { CountingClient } from "../../../support/counting-client.ts";
import { LineBench, type LineBenchOptions } from "../../../support/line-bench.ts";

const C = "C=";
const event = (...data: readonly unknown[]): string => `42${JSON.stringify(data)}`;
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, n) => n);

type App = ConstructorParameters<typeof LineBench>[0];

const echo: App = (io) => {
  for (const nsp of ["/", "/other"]) {
    io.of(nsp).on("connection", (socket) => {
      socket.on("say", (what: unknown) => socket.emit("said", String(what)));
      socket.on("disconnect", (reason) => io.emit("over", reason));
    });
  }
};

async function connected(app: App = echo, options?: LineBenchOptions) {
  const bench = new LineBench(app, options);
  const client = new CountingClient();
  await bench.connection(C);
  bench.send(C, ...client.connect());
  await bench.queue.empty();
  return { bench, client, one: (...data: unknown[]): string => client.event(...data)[0] ?? "" };
}

const codes = ({ ports }: LineBench): unknown[] => ports.logged.map(([code]) => code);

describe("frames of a client that counts them", () => {
  test("run in the order in which they were sent, whatever comes first into the queue, in one batch or several", async () => {
    for (const pause of [0, 50]) {
      for (const at of upTo(7)) {
        const { bench, one } = await connected();
        const frames = upTo(8).map((n) => one("say", n));
        // One overtakes those before it, and another falls behind.
        const queued = [...frames.slice(at), ...frames.slice(0, at)];
        for (const frame of [...queued.slice(1), ...queued.slice(0, 1)]) {
          bench.send(C, frame);
          if (pause > 0) await bench.ports.clock.sleep(pause);
        }
        await bench.queue.empty();
        expect(bench.heard(C)).toEqual(upTo(8).map((n) => event("said", String(n))));
        expect(bench.ports.logged).toEqual([]);
        expect(await bench.ports.store.readEarly(C)).toEqual([]);
        const { connection } = await bench.ports.store.readConnection(C);
        expect(connection?.line).toEqual({ done: "n0000000008" });
      }
    }
  });

  test("also those of two namespaces, and the CONNECT to one", async () => {
    const bench = new LineBench(echo);
    const client = new CountingClient();
    await bench.connection(C);
    const frames = [
      ...[client.connect(), client.connect("/other"), client.eventTo("/other", "say", 1)],
      ...[client.event("say", 2), client.eventTo("/other", "say", 3)],
    ].flat();
    for (const frame of frames.toReversed()) {
      bench.send(C, frame);
      await bench.ports.clock.sleep(20);
    }
    await bench.queue.empty();
    const said = [['/other,["said","1"]'], ['["said","2"]'], ['/other,["said","3"]']].map(
      (text) => `42${text}`,
    );
    expect(bench.heard(C)).toEqual(said);
  });

  test("are put together where attachments have overtaken each other and their header", async () => {
    for (const pause of [0, 20]) {
      const { bench, client } = await connected((io) => {
        io.on("connection", (socket) => {
          socket.on("put", (...parts: Buffer[]) => socket.emit("got", ...parts.map(String)));
        });
      });
      const frames = upTo(4).flatMap((n) => client.event("put", Buffer.from(`a${n}`), Buffer.from(`b${n}`)));
      for (const frame of frames.toReversed()) {
        bench.send(C, frame);
        if (pause > 0) await bench.ports.clock.sleep(pause);
      }
      await bench.queue.empty();
      expect(bench.heard(C)).toEqual(upTo(4).map((n) => event("got", `a${n}`, `b${n}`)));
      expect(bench.ports.logged).toEqual([]);
    }
  });

  test("run once if they come twice", async () => {
    const { bench, one } = await connected();
    const [a, b, c] = [one("say", "a"), one("say", "b"), one("say", "c")];
    bench.send(C, c, c, a);
    await bench.ports.clock.sleep(100);
    bench.send(C, a, b, c, b);
    await bench.queue.empty();
    expect(bench.heard(C)).toEqual(["a", "b", "c"].map((name) => event("said", name)));
    expect(bench.ports.logged).toEqual([]);
  });

  test("run before the end of the connection, which has overtaken them", async () => {
    const { bench, client, one } = await connected((io, { gateway }) => {
      io.on("connection", (socket) => {
        const say = (what: string) => gateway.post("LOG", event(what));
        socket.on("say", (what: string) => say(what));
        socket.on("disconnect", (reason) => say(reason));
      });
    });
    const frames = [one("say", "last"), one("say", "words"), ...client.disconnect()];
    bench.queue.disconnect(C, "end", bench.ports.clock.now());
    await bench.ports.clock.sleep(100);
    bench.send(C, ...frames.toReversed());
    await bench.queue.empty();
    expect(bench.heard("LOG")).toEqual(
      ["last", "words", "client namespace disconnect"].map((what) => event(what)),
    );
    expect((await bench.ports.store.readConnection(C)).connection).toBeUndefined();
  });

  test("let answers overtake them, and a handler that waits for one gets it", async () => {
    const { bench, client, one } = await connected((io) => {
      io.on("connection", (socket) => {
        socket.on("ask", async () => socket.emit("said", await socket.emitWithAck("question")));
        socket.on("say", (what: string) => socket.emit("said", what));
      });
    });
    const [ask, next, after] = [one("ask"), one("say", "next"), one("say", "after")];
    bench.ports.gateway.answer = (connectionId, frame) => {
      const [, id] = /^42(\d+)\["question"\]/.exec(frame) ?? [];
      if (id) bench.send(connectionId, ...client.answer(Number(id), "answer"));
      return "ok";
    };
    bench.send(C, after, ask, next);
    await bench.queue.empty();
    const said = bench.heard(C).filter((frame) => frame.includes("said"));
    expect(said.toSorted()).toEqual(["after", "answer", "next"].map((what) => event("said", what)));
    expect(said.indexOf(event("said", "next"))).toBeLessThan(said.indexOf(event("said", "after")));
    expect(bench.ports.logged).toEqual([]);
  });

  test("cost one read each, and one write for their batch", async () => {
    const { bench, one } = await connected((io) => {
      io.on("connection", (socket) => socket.on("say", () => undefined));
    });
    const calls: string[] = [];
    const { store } = bench.ports;
    for (const [name, method] of Object.entries(store)) {
      if (typeof method !== "function") continue;
      Object.assign(store, {
        [name]: (...args: never[]) => {
          calls.push(name);
          return Reflect.apply(method, store, args);
        },
      });
    }
    bench.send(C, one("say", 1));
    await bench.queue.empty();
    // Of no parts: no request.
    expect(calls.filter((name) => name !== "deleteParts")).toEqual(["readConnection", "countLine"]);
  });
});

describe("a frame that does not come", () => {
  test("ends the connection after three seconds, with what was lost in the log", async () => {
    const reasons: string[] = [];
    const { bench, one } = await connected((io) => {
      io.on("connection", (socket) => {
        socket.on("say", (what: string) => socket.emit("said", what));
        socket.on("disconnect", (reason) => reasons.push(reason));
      });
    });
    const began = bench.ports.clock.now();
    const frames = upTo(4).map((n) => one("say", n));
    bench.send(C, ...[0, 2, 3].flatMap((n) => frames[n] ?? []));
    await bench.queue.empty();
    expect(bench.heard(C)).toEqual([event("said", 0)]);
    expect(reasons).toEqual(["transport error"]);
    expect(bench.ports.gateway.closed).toContain(C);
    const [[code, text] = []] = bench.ports.logged;
    expect([code, text]).toEqual(["SKY_LINE_GAP", expect.stringContaining("frame 2 of a client")]);
    const tookMs = bench.ports.clock.now() - began;
    expect([tookMs >= 3_000, tookMs < 6_000]).toEqual([true, true]);
    expect(bench.queue.dead).toEqual([]);
  });

  test("is waited for as long as the line stands still, and does the connection no harm then", async () => {
    const { bench, one } = await connected();
    const [a, b] = [one("say", "a"), one("say", "b")];
    bench.send(C, b);
    await bench.ports.clock.sleep(50);
    // Nothing is delivered, as when Lambda throttles.
    bench.queue.pause();
    bench.send(C, a);
    await bench.ports.clock.sleep(20_000);
    bench.queue.resume();
    await bench.queue.empty();
    expect(bench.heard(C)).toEqual([event("said", "a"), event("said", "b")]);
    expect(bench.ports.logged).toEqual([]);
  });

  test.each(upTo(12).flatMap((call) => [true, false].map((after) => ({ call: call + 1, after }))))(
    "ends the connection too if the instance that keeps the others dies: $call, $after",
    async (end) => {
      let batches = Number.POSITIVE_INFINITY;
      const { bench, one } = await connected(echo, {
        diesAt: (batch) => (batch === batches + 1 ? end : undefined),
      });
      batches = bench.queue.batches.length;
      one("say", "lost");
      bench.send(C, one("say", "early"));
      await bench.queue.empty();
      expect(bench.heard(C)).toEqual([]);
      expect(codes(bench)).toContain("SKY_LINE_GAP");
      expect(bench.ports.gateway.closed).toContain(C);
    },
  );
});

describe("a hostile client", () => {
  test("that is too far ahead is closed at once, and nothing more is kept of it", async () => {
    const { bench, client, one } = await connected();
    client.event("say", "lost");
    for (let n = 0; n < 320; n++) bench.send(C, one("say", n));
    const began = bench.ports.clock.now();
    await bench.queue.empty();
    expect(codes(bench)[0]).toBe("SKY_LINE_GAP");
    expect(bench.ports.gateway.closed).toContain(C);
    expect((await bench.ports.store.readEarly(C)).length).toBeLessThanOrEqual(300);
    expect(bench.ports.clock.now() - began).toBeLessThan(6_000);
    expect(bench.heard(C)).toEqual([]);
  });

  test("that sends too much of it is closed as well", async () => {
    const { bench, client, one } = await connected();
    client.event("say", "lost");
    for (let n = 0; n < 40; n++) bench.send(C, one("say", "x".repeat(32_000)));
    await bench.queue.empty();
    const [[code, text] = []] = bench.ports.logged;
    expect([code, text]).toEqual(["SKY_LINE_GAP", expect.stringContaining("were kept")]);
    expect((await bench.ports.store.readEarly(C)).length).toBeLessThanOrEqual(32);
  });

  test("that counts only some of its packets is closed", async () => {
    const { bench, one } = await connected();
    bench.send(C, one("say", 1), event("say", "without a count"), one("say", 2));
    await bench.queue.empty();
    expect(codes(bench)).toEqual(["SKY_PACKET_REFUSED"]);
    expect(bench.ports.gateway.closed).toContain(C);
    expect(bench.heard(C)).not.toContain(event("said", "without a count"));
  });
});
