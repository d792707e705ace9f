import type { Client } from "../../../support/client.ts";
import type { ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/clients";
/** Comes back by itself, soon. */
const RETURNING = { reconnection: true, reconnectionDelay: 10, randomizationFactor: 0 };
/** Long enough for an answer from a busy cloud, which would otherwise be asked once more than stock. */
const AMPLE_MS = 3_000;
const SHORT_MS = 400;

/** A client, and another one that is told what arrives at the server. */
async function watched(ctx: ScenarioContext, options: Parameters<ScenarioContext["connect"]>[1] = {}) {
  const room = ctx.room("reports");
  const watcher = await ctx.connect("watcher", { nsp: NSP });
  await watcher.ask("watch", room);
  const alice = await ctx.connect("alice", { nsp: NSP, ...options });
  return { room, watcher, alice };
}

/** How the client sees itself. */
function look(client: Client): void {
  const { connected, disconnected, active, id } = client.socket;
  client.trace.push(["looks", { connected, disconnected, active, id: typeof id }]);
  void client.trace.next("its own look", ([kind]) => kind === "looks");
}

/** Emits with a callback that gets an error first; the next {@link told} is its result. */
function emitWithin(client: Client, ms: number, event: string, ...args: readonly unknown[]): void {
  client.socket.timeout(ms).emit(event, ...args, (error: Error | null, ...answers: unknown[]) => {
    client.trace.push(["told", event, error?.message ?? null, ...answers]);
  });
}

const told = (client: Client) => client.trace.next("a result", ([kind]) => kind === "told");

export const retries: ScenarioGroup = {
  title: "clients that send again",
  scenarios: [
    {
      name: "an event that is not acknowledged in time is sent again, and is another event to the server",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP, socket: { retries: 3, ackTimeout: AMPLE_MS } });
        const answer = alice.ask("answer the second time");
        await alice.next("asked");
        await alice.next("asked");
        await answer;
      },
    },
    {
      name: "when all tries are spent the client is told, and the server has had each of them",
      async run(ctx) {
        const { room, watcher, alice } = await watched(ctx, { socket: { retries: 2, ackTimeout: SHORT_MS } });
        alice.socket.emit("report, without an answer", room, "a try", (error: Error | null) =>
          alice.trace.push(["told", error?.message]),
        );
        for (let n = 0; n < 3; n++) await watcher.next("reported");
        await told(alice);
      },
    },
    {
      name: "events are sent one after the other, each when the one before it is acknowledged",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP, socket: { retries: 1, ackTimeout: 15_000 } });
        for (let n = 1; n <= 5; n++) alice.emit("log", n);
        await alice.ask("what is logged");
      },
    },
    {
      name: "events that were emitted before the connection is up are sent in their order",
      async run(ctx) {
        const alice = ctx.dial("alice", { nsp: NSP, socket: { retries: 1, ackTimeout: 15_000 } });
        for (const entry of ["first", "second", "third"]) alice.emit("log", entry);
        const answer = alice.ask("what is logged");
        await alice.connected();
        await answer;
      },
    },
    {
      name: "an event that was emitted while the connection was lost is sent once it is back",
      async run(ctx) {
        const { room, watcher, alice } = await watched(ctx, {
          socket: { retries: 1, ackTimeout: 15_000 },
          manager: RETURNING,
        });
        alice.cut();
        await alice.disconnected();
        const answer = alice.ask("report", room, "from the time without a connection");
        await alice.connected();
        await answer;
        await watcher.next("reported");
        await alice.ask("report", room, "marker");
        await watcher.next("reported");
      },
    },
    {
      name: "a refused client keeps its events until it is let in",
      async run(ctx) {
        const auth: Record<string, unknown> = { key: "wrong" };
        const alice = ctx.dial("alice", { nsp: NSP, auth, socket: { retries: 1, ackTimeout: 15_000 } });
        const answer = alice.ask("log", "kept");
        await alice.refused();
        auth.key = "right";
        alice.socket.connect();
        await alice.connected();
        await answer;
        await alice.ask("what is logged");
      },
    },
  ],
};

export const returning: ScenarioGroup = {
  title: "clients that come back",
  scenarios: [
    {
      name: "an auth function is asked again for each connection, and may take its time",
      covers: ["Handshake.auth"],
      async run(ctx) {
        let asked = 0;
        const alice = await ctx.connect("alice", {
          nsp: NSP,
          manager: RETURNING,
          auth: (send) => {
            setTimeout(() => send({ asked: ++asked }), 10);
          },
        });
        await alice.ask("auth");
        alice.cut();
        await alice.disconnected();
        await alice.connected();
        await alice.ask("auth");
        alice.socket.disconnect();
        await alice.disconnected();
        alice.socket.connect();
        await alice.connected();
        await alice.ask("auth");
      },
    },
    {
      name: "a refusal comes with data and leaves the socket inactive; with another auth it is let in",
      covers: ["Namespace#use"],
      async run(ctx) {
        const auth: Record<string, unknown> = { key: "wrong" };
        const alice = ctx.dial("alice", { nsp: NSP, auth, manager: RETURNING });
        await alice.refused();
        look(alice);
        auth.key = "also wrong";
        alice.socket.connect();
        await alice.refused();
        auth.key = "right";
        alice.socket.connect();
        look(alice);
        await alice.connected();
        look(alice);
        await alice.ask("auth");
      },
    },
    {
      name: "a refused upgrade is tried again by itself until it is let in",
      covers: ["ServerOptions.allowRequest"],
      async run(ctx) {
        const query = { allow: "no" };
        const alice = ctx.dial("alice", { nsp: NSP, manager: { ...RETURNING, query } });
        await alice.refused();
        look(alice);
        query.allow = "yes";
        await alice.connected();
        await alice.ask("auth");
      },
    },
    {
      name: "a lost transport is active and comes back by itself",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP, manager: RETURNING });
        for (let n = 0; n < 2; n++) {
          await alice.ask("log", n);
          alice.socket.io.engine.close();
          await alice.disconnected();
          look(alice);
          await alice.connected();
          await alice.ask("what is logged");
        }
      },
    },
    {
      name: "a socket that the server turned out is inactive and comes back when it is told to",
      covers: ["Socket#disconnect"],
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP, manager: RETURNING });
        alice.emit("turn me out");
        await alice.disconnected();
        look(alice);
        const answer = alice.ask("log", "kept until it is back");
        alice.socket.connect();
        await alice.connected();
        await answer;
        await alice.ask("what is logged");
      },
    },
    {
      name: "a socket that its client disconnected is inactive and comes back when it is told to",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP, manager: RETURNING });
        for (let n = 0; n < 2; n++) {
          await alice.ask("log", n);
          alice.socket.disconnect();
          await alice.disconnected();
          look(alice);
          alice.socket.connect();
          await alice.connected();
          await alice.ask("what is logged");
        }
      },
    },
    {
      name: "all events that were emitted before the connection is up arrive",
      async run(ctx) {
        const alice = ctx.dial("alice", { nsp: "/events" });
        // Recorded together afterwards: in which order API Gateway has frames handled, it does not promise.
        const answers = Promise.all(
          ["one", "two", "three"].map(
            (what) => alice.socket.timeout(20_000).emitWithAck("echo", what) as Promise<unknown>,
          ),
        );
        await alice.connected();
        alice.trace.push(["all answers", ...(await answers)]);
        await alice.trace.next("all answers", ([kind]) => kind === "all answers");
      },
    },
    {
      name: "of what is emitted while away, the volatile is lost and the rest arrives",
      async run(ctx) {
        const { room, watcher, alice } = await watched(ctx, { manager: RETURNING });
        // The client has no transport to lose an event on until it tries to come back.
        const trying = new Promise((resolve) => alice.socket.io.once("reconnect_attempt", resolve));
        alice.cut();
        await alice.disconnected();
        await trying;
        alice.socket.volatile.emit("report, without an answer", room, "volatile");
        const answer = alice.ask("report", room, "kept");
        await alice.connected();
        await answer;
        await watcher.next("reported");
        alice.socket.volatile.emit("report, without an answer", room, "volatile, but here");
        await watcher.next("reported");
        await alice.ask("report", room, "marker");
        await watcher.next("reported");
      },
    },
  ],
};

export const timeouts: ScenarioGroup = {
  title: "clients that do not wait forever",
  scenarios: [
    {
      name: "an answer in time comes without an error",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        emitWithin(alice, 15_000, "log", "in time");
        await told(alice);
      },
    },
    {
      name: "an event that is not acknowledged in time is an error to the client",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        emitWithin(alice, SHORT_MS, "never answer");
        await told(alice);
        await alice.ask("log", "goes on");
      },
    },
    {
      name: "an event that timed out before the connection was up is never sent",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        alice.socket.disconnect();
        await alice.disconnected();
        emitWithin(alice, 50, "log", "too late");
        await told(alice);
        alice.socket.connect();
        await alice.connected();
        await alice.ask("what is logged");
      },
    },
    {
      name: "an answer that is still awaited when the connection is lost is an error to the client",
      async run(ctx) {
        const alice = await ctx.connect("alice", { nsp: NSP });
        emitWithin(alice, 15_000, "never answer");
        alice.cut();
        await alice.disconnected();
        await told(alice);
      },
    },
  ],
};
