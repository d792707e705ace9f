import type { ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/order";

export const order: ScenarioGroup = {
  title: "order inside one handler",
  scenarios: [
    {
      name: "emit, acknowledgement and emit arrive in call order",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("around the ack");
        await alice.next("before");
        await alice.next("after");
      },
    },
    {
      name: "many emits arrive in call order, the acknowledgement where it was called",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        await alice.ask("count", 50);
        for (let n = 0; n <= 50; n++) await alice.next("n");
      },
    },
    {
      name: "joining and emitting to the room reaches the joiner, leaving and emitting does not",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        const bob = await ctx.connect("bob", { nsp: NSP });
        const room = ctx.room("hall");
        await bob.ask("enter", room);
        await alice.ask("in and out", room);
        for (const event of ["joined", "joined again"]) await alice.next(event);
        for (const event of ["before join", "joined", "left", "joined again"]) await bob.next(event);
      },
    },
    {
      name: "emits to oneself, to the room and to the others keep their order for each receiver",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        const bob = await ctx.connect("bob", { nsp: NSP });
        const room = ctx.room("hall");
        await alice.ask("enter", room);
        await bob.ask("enter", room);
        await alice.ask("mixed", room);
        for (let n = 0; n < 5; n++) await alice.next("step");
        for (let n = 0; n < 3; n++) await bob.next("step");
      },
    },
    {
      name: "a handler that waits in between keeps its order",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        const bob = await ctx.connect("bob", { nsp: NSP });
        const room = ctx.room("hall");
        await alice.ask("enter", room);
        await bob.ask("enter", room);
        await alice.ask("with pauses", room);
        for (let n = 0; n < 5; n++) await alice.next("step");
        for (let n = 0; n < 2; n++) await bob.next("step");
      },
    },
    {
      name: "work that a handler does not wait for is still done",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        // Waited for after both, since a timer and an immediate promise no order.
        const sent = alice.socket.timeout(20_000).emitWithAck("after the handler") as Promise<unknown>;
        await alice.next("from a timer");
        alice.trace.push(["ack", "after the handler", await sent]);
        await alice.trace.next("the acknowledgement", ([kind]) => kind === "ack");
      },
    },
    {
      name: "a handler whose only work is left to the next tick still does it",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        alice.socket.emit("on the next tick");
        await alice.next("step");
      },
    },
    {
      name: "what the connection listener does arrives after connect, in its order",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/welcome" });
        for (let n = 0; n < 3; n++) await alice.next("welcome");
        await alice.ask("rooms");
      },
    },
    {
      name: "the connection listener's effects happen once, however many events follow",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: "/welcome" });
        for (let n = 0; n < 3; n++) await alice.next("welcome");
        for (let n = 0; n < 4; n++) await alice.ask("rooms");
      },
    },
  ],
};
