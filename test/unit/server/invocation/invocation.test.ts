import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, jest, test } from "@jest/globals";
import { closedGate } from "../../../../lambdas/server/common/gate.ts";
import { Invocation } from "../../../../lambdas/server/invocation/invocation.ts";
import { fakePorts } from "../../../support/fake-ports.ts";

function bench(options: { readonly deadlineMs?: number; readonly lingerMs?: number } = {}) {
  const { deadlineMs = 27_000, lingerMs = 5_000 } = options;
  const ports = fakePorts();
  const began = ports.clock.now();
  const invocation = new Invocation({ ports, deadline: began + deadlineMs, lingerMs });
  const done: string[] = [];
  /** An effect that takes so long, and says when it is done. */
  const act = (name: string, ms = 0) =>
    invocation.act(name, async () => {
      await ports.clock.sleep(ms);
      done.push(name);
      return { rest: undefined };
    });
  const codes = (): string[] => ports.logged.map(([code]) => code);
  return { ports, began, invocation, done, act, codes };
}

describe("effects", () => {
  test("are done in the order in which they are called, however long each takes", async () => {
    const { invocation, act, done } = bench();
    act("a", 300);
    act("b");
    act("c", 100);
    await invocation.finish();
    expect(done).toEqual(["a", "b", "c"]);
  });

  test("one that fails is reported, and the next is done all the same", async () => {
    const { invocation, act, done, codes, ports } = bench();
    invocation.act("a", () => Promise.reject(new Error("no")));
    act("b");
    await invocation.finish();
    expect([done, codes()]).toEqual([["b"], ["SKY_EFFECT_FAILED"]]);
    expect(ports.logged[0]?.[1]).toBe("a failed");
  });

  test("what a step leaves for later goes on beside the next steps, and is waited for", async () => {
    const { invocation, act, done, ports } = bench();
    invocation.act("post", async () => ({
      rest: ports.clock.sleep(500).then(() => void done.push("posted")),
    }));
    act("b");
    await invocation.finish();
    expect(done).toEqual(["b", "posted"]);
  });

  test("wait for a gate", async () => {
    const { invocation, act, done } = bench();
    const gate = closedGate();
    invocation.delayEffects(gate.opened);
    const acted = act("a");
    await invocation.ports.clock.turn();
    expect(done).toEqual([]);
    gate.open();
    await acted;
    expect(done).toEqual(["a"]);
    await invocation.finish();
  });

  test("after the end are refused, in the log or to whoever awaits", async () => {
    const { invocation, act, done, codes } = bench();
    await invocation.finish();
    act("late");
    await turn();
    expect(codes()).toEqual(["SKY_AFTER_INVOCATION"]);
    await expect(act("later")).rejects.toMatchObject({ code: "SKY_AFTER_INVOCATION" });
    expect([done, codes().length]).toEqual([[], 1]);
  });
});

test("what nobody awaits takes no more work each, however much of it there is", async () => {
  /** How often somebody begins to wait for a promise while so many effects are done. */
  const waits = async (effects: number): Promise<number> => {
    const { invocation, act, done } = bench();
    const then = jest.spyOn(Promise.prototype, "then");
    try {
      for (let i = 0; i < effects; i++) act("emit");
      await invocation.finish();
      expect(done.length).toBe(effects);
      return then.mock.calls.length;
    } finally {
      then.mockRestore();
    }
  };
  const few = await waits(100);
  expect(await waits(1_000)).toBeLessThan(few * 11);
});

describe("the end waits", () => {
  test("for tracked work and for what that starts", async () => {
    const { invocation, act, done, ports } = bench();
    const work = ports.clock.sleep(1_000).then(async () => {
      act("from the work");
    });
    invocation.track("work", work);
    await invocation.finish();
    expect(done).toEqual(["from the work"]);
  });

  test("no longer than the deadline, and names what is lost", async () => {
    const { invocation, act, began, codes, ports, done } = bench({ deadlineMs: 3_000 });
    act("quick");
    invocation.track("a handler", new Promise(() => undefined));
    await invocation.finish();
    expect(ports.clock.now() - began).toBe(3_000);
    expect([done, codes()]).toEqual([["quick"], ["SKY_DEADLINE"]]);
  });

  test("leaves no timer behind when it was in time", async () => {
    const { invocation, act, ports, began } = bench();
    act("quick");
    await invocation.finish();
    await ports.clock.sleep(1);
    expect(ports.clock.now() - began).toBe(1);
  });
});

describe("work that nobody awaits", () => {
  test("is waited for until the process is as idle as it was", async () => {
    const { invocation, ports, began, codes } = bench();
    void ports.clock.sleep(400);
    await invocation.finish();
    const took = ports.clock.now() - began;
    expect(took).toBeGreaterThanOrEqual(400);
    expect(took).toBeLessThan(450);
    expect(codes()).toEqual([]);
  });

  test("does not count what was there before", async () => {
    const ports = fakePorts();
    ports.resources.push("FSReqCallback", "Timeout");
    const began = ports.clock.now();
    const invocation = new Invocation({ ports, deadline: began + 9_000, lingerMs: 5_000 });
    await invocation.finish();
    expect([ports.clock.now() - began, ports.logged]).toEqual([0, []]);
  });

  test("that waits for the next tick is done, though nothing shows that it waits", async () => {
    const { invocation, act, done, codes } = bench();
    process.nextTick(() => void act("a"));
    await invocation.finish();
    expect([done, codes()]).toEqual([["a"], []]);
  });

  test("is left behind when it takes too long, with a warning", async () => {
    const { invocation, ports, began, codes } = bench({ lingerMs: 700 });
    ports.resources.push("Timeout");
    await invocation.finish();
    const took = ports.clock.now() - began;
    expect(took).toBeGreaterThanOrEqual(700);
    expect(took).toBeLessThan(750);
    expect(codes()).toEqual(["SKY_LINGERING"]);
  });

  test("counts from where it is told to: timers of a replay are none", async () => {
    const { invocation, ports, began, codes } = bench();
    ports.resources.push("Timeout", "Timeout");
    invocation.countFromHere();
    await invocation.finish();
    expect([ports.clock.now() - began, codes()]).toEqual([0, []]);
  });
});

describe("connections found gone", () => {
  const old = { connectionId: "A=", connectedAt: 0 };

  test("are handed on in one task, at the end", async () => {
    const { invocation, ports } = bench();
    ports.gateway.answer = () => "gone";
    invocation.track(
      "posts",
      Promise.all([invocation.posts.send(old, ["4"]), invocation.posts.send(old, ["4"])]),
    );
    invocation.track("post", invocation.posts.send({ ...old, connectionId: "B=" }, ["4"]));
    expect(ports.started).toEqual([]);
    await invocation.finish();
    expect(ports.started).toEqual([
      {
        task: "end",
        targets: [
          { connectionId: "A=", members: [] },
          { connectionId: "B=", members: [] },
        ],
        reason: "transport close",
        hops: 1,
      },
    ]);
  });

  test("none, no task", async () => {
    const { invocation, ports } = bench();
    invocation.track("post", invocation.posts.send(old, ["4"]));
    await invocation.finish();
    expect(ports.started).toEqual([]);
  });
});

describe("the hand-over of connections found gone", () => {
  const gone = { connectionId: "A=", connectedAt: 0 };

  function withSlowTasks() {
    const { ports, invocation } = bench();
    const started: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
    const tasks: string[] = [];
    ports.tasks.start = (task) => {
      if (task.task === "end") tasks.push(...task.targets.map(({ connectionId }) => connectionId));
      return new Promise<void>((resolve, reject) => {
        started.push({ resolve, reject });
      });
    };
    return { ports, invocation, started, tasks };
  }

  test("who asks for their end while it is being asked for waits until it has been", async () => {
    const { invocation, started, tasks } = withSlowTasks();
    invocation.posts.abandon(gone);
    const over: string[] = [];
    const first = invocation.endGone().then(() => over.push("first"));
    const second = invocation.endGone().then(() => over.push("second"));
    await turn();
    expect([tasks, over]).toEqual([["A="], []]);
    started[0]?.resolve();
    await Promise.all([first, second]);
    expect([tasks, over]).toEqual([["A="], ["first", "second"]]);
  });

  test("are handed over by the next who asks, if that failed", async () => {
    const { invocation, started, tasks } = withSlowTasks();
    invocation.posts.abandon(gone);
    const first = invocation.endGone();
    const second = invocation.endGone();
    await turn();
    started[0]?.reject(new Error("throttled"));
    await expect(first).rejects.toThrow("throttled");
    await turn();
    expect(tasks).toEqual(["A=", "A="]);
    started[1]?.resolve();
    await expect(second).resolves.toBeUndefined();
  });
});
