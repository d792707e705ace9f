import type { Client } from "../../../support/client.ts";
import type { ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

const NSP = "/life";

/** Two clients in one room: what happens to the first is seen by the second, who stays. */
async function pair(ctx: ScenarioContext) {
  const room = ctx.room("hall");
  const alice = await ctx.connect("alice", { nsp: NSP });
  const watcher = await ctx.connect("watcher", { nsp: NSP });
  await alice.ask("enter", room, "alice");
  await watcher.ask("enter", room, "watcher");
  return { room, alice, watcher };
}

/** The watcher sees both events of a socket's end; a call to the room afterwards reaches the watcher alone. */
async function seen(watcher: Client, room: string): Promise<void> {
  await watcher.next("leaving");
  await watcher.next("left");
  await watcher.ask("call", room, "who is still here?");
  await watcher.next("called");
}

export const life: ScenarioGroup = {
  title: "disconnecting",
  scenarios: [
    {
      name: "a client disconnects: disconnecting still has the rooms, disconnect has none",
      covers: ["Socket:disconnecting", "Socket:disconnect", "Socket#connected"],
      async run(ctx) {
        const { room, alice, watcher } = await pair(ctx);
        alice.socket.disconnect();
        await alice.disconnected();
        await seen(watcher, room);
      },
    },
    {
      name: "a client in several rooms says goodbye once to each socket",
      async run(ctx) {
        const { room, alice, watcher } = await pair(ctx);
        await alice.ask("enter", ctx.room("second"), "alice");
        await watcher.ask("enter", ctx.room("second"), "watcher");
        alice.socket.disconnect();
        await alice.disconnected();
        await seen(watcher, room);
      },
    },
    {
      name: "a client's connection is closed by its transport",
      covers: ["Socket:disconnecting", "Socket:disconnect"],
      async run(ctx) {
        const { room, alice, watcher } = await pair(ctx);
        alice.cut();
        await alice.disconnected();
        await seen(watcher, room);
      },
    },
    {
      name: "a client whose connection was cut comes back by itself with a new id",
      async run(ctx) {
        const room = ctx.room("hall");
        const alice = await ctx.connect("alice", {
          nsp: NSP,
          manager: { reconnection: true, reconnectionDelay: 10 },
        });
        const watcher = await ctx.connect("watcher", { nsp: NSP });
        await alice.ask("enter", room, "alice");
        await watcher.ask("enter", room, "watcher");
        alice.cut();
        await alice.disconnected();
        await alice.connected();
        await alice.ask("who am i");
        await seen(watcher, room);
      },
    },
    {
      name: "the server disconnects a socket; later emits of the same handler do not reach it",
      covers: ["Socket#disconnect"],
      async run(ctx) {
        const { room, alice, watcher } = await pair(ctx);
        alice.emit("leave me", false);
        await alice.disconnected();
        await seen(watcher, room);
      },
    },
    {
      name: "the server disconnects a socket and closes its connection",
      covers: ["Socket#disconnect"],
      async run(ctx) {
        const { room, alice, watcher } = await pair(ctx);
        alice.emit("leave me", true);
        await alice.disconnected();
        await seen(watcher, room);
      },
    },
    {
      name: "a socket that the server disconnected may connect again, on the same connection or a new one",
      async run(ctx) {
        const { room, alice, watcher } = await pair(ctx);
        alice.emit("leave me", false);
        await alice.disconnected();
        await seen(watcher, room);
        alice.socket.connect();
        await alice.connected();
        await alice.ask("who am i");
        await alice.ask("enter", room, "alice again");
        alice.emit("leave me", true);
        await alice.disconnected();
        await seen(watcher, room);
        alice.socket.connect();
        await alice.connected();
        await alice.ask("who am i");
      },
    },
    {
      name: "a room is disconnected, and only that room",
      covers: ["BroadcastOperator#disconnectSockets"],
      async run(ctx) {
        const { room, alice, watcher } = await pair(ctx);
        const bob = await ctx.connect("bob", { nsp: NSP });
        await bob.ask("enter", ctx.room("other"), "bob");
        await bob.ask("turn out", alice.id, false);
        await alice.disconnected();
        await seen(watcher, room);
        await bob.ask("who am i");
      },
    },
    {
      name: "a room is disconnected with its connections",
      covers: ["BroadcastOperator#disconnectSockets"],
      async run(ctx) {
        const room = ctx.room("hall");
        const alice = await ctx.connect("alice", { nsp: NSP });
        const main = await ctx.connect("alice in main", { over: alice });
        await alice.ask("enter", room, "alice");
        const bob = await ctx.connect("bob", { nsp: NSP });
        await bob.ask("turn out", room, true);
        await alice.disconnected();
        await main.disconnected();
        await bob.ask("who am i");
      },
    },
    {
      name: "socket.to disconnects the others",
      async run(ctx) {
        const { room, alice, watcher } = await pair(ctx);
        await alice.ask("turn others out", room);
        await watcher.disconnected();
        await alice.next("leaving");
        await alice.next("left");
        await alice.ask("who am i");
      },
    },
    {
      name: "the end of one namespace is told to that namespace only",
      async run(ctx) {
        const room = ctx.room("hall");
        const alice = await ctx.connect("alice", { nsp: NSP });
        const main = await ctx.connect("alice in main", { over: alice });
        const watcher = await ctx.connect("watcher", { nsp: NSP });
        const mainWatcher = await ctx.connect("main watcher");
        await alice.ask("enter", room, "alice in /life");
        await main.ask("enter", room, "alice in main");
        await watcher.ask("enter", room, "watcher");
        await mainWatcher.ask("enter", room, "main watcher");
        alice.socket.disconnect();
        await alice.disconnected();
        await seen(watcher, room);
        await mainWatcher.ask("call", room, "main is untouched");
        await mainWatcher.next("called");
        await main.next("called");
      },
    },
    {
      name: "many clients leave at once, and each is told of once",
      async run(ctx) {
        const room = ctx.room("hall");
        const watcher = await ctx.connect("watcher", { nsp: NSP });
        await watcher.ask("enter", room, "watcher");
        const leavers = await Promise.all(
          Array.from({ length: 5 }, (_, n) => ctx.connect(`leaver ${n}`, { nsp: NSP })),
        );
        // Each into a room of its own, so that they do not hear of each other; the watcher is in all of them.
        for (const leaver of leavers) {
          await leaver.ask("enter", ctx.room(leaver.name), leaver.name);
          await watcher.ask("enter", ctx.room(leaver.name), "watcher");
        }
        for (const leaver of leavers) {
          leaver.socket.disconnect();
          await watcher.next("leaving");
          await watcher.next("left");
        }
        await Promise.all(leavers.map((leaver) => leaver.disconnected()));
        await watcher.ask("call", room, "alone now");
        await watcher.next("called");
      },
    },
  ],
};
