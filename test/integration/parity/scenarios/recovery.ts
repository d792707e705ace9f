import type { Client } from "../../../support/client.ts";
import type { DialOptions, ScenarioContext, ScenarioGroup } from "../../../support/scenario.ts";

/** What socket.io-client remembers of its session between two connections. */
interface Remembering {
  _pid?: string;
  _lastOffset?: string;
}

/** Longer than a client of the careful application may be away, in milliseconds. */
const TOO_LONG_MS = 6_200;

/** What lies closer together than this may come twice, in milliseconds: clocks of instances differ. */
const SPACED_MS = 150;

/** A client in a room, and another one, who hears when the server has noticed that the first is gone. */
async function pair(ctx: ScenarioContext, options: DialOptions = {}) {
  const room = ctx.room("room");
  const watchers = ctx.room("watchers");
  const bob = await ctx.connect("bob", options.nsp === undefined ? {} : { nsp: options.nsp });
  await bob.ask("enter", watchers);
  const alice = await ctx.connect("alice", options);
  await alice.ask("watched by", watchers);
  await alice.ask("enter", room);
  return { room, alice, bob };
}

/** Told something before it is cut off, a client has an offset, which stock wants for a recovery. */
async function cut(alice: Client, bob: Client): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SPACED_MS));
  await alice.ask("greet me");
  await alice.next("hello");
  alice.cut();
  await alice.disconnected();
  await bob.next("left");
}

/** The client comes back; what it missed has to be waited for, and what it is told last shows that nothing else came. */
async function comeBack(alice: Client, bob: Client, missed: number): Promise<void> {
  alice.socket.connect();
  await alice.connected();
  for (let n = 0; n < missed; n++) await alice.next("told");
  alice.trace.push(["recovered", alice.socket.recovered]);
  await alice.trace.next("whether it was recovered", ([kind]) => kind === "recovered");
  await alice.ready();
  await alice.ask("about");
  await bob.ask("tell", { rooms: [alice.id] }, ["the last"]);
  await alice.next("told");
}

export const recovery: ScenarioGroup = {
  title: "connection state recovery",
  scenarios: [
    {
      name: "a client that was cut off gets its id, its rooms, its data and all that it missed, in order",
      covers: ["Socket#recovered", "ServerOptions.connectionStateRecovery"],
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        const second = ctx.room("second");
        const id = alice.id;
        await alice.ask("enter", second);
        await cut(alice, bob);
        await bob.ask("tell", { rooms: [room] }, ["to the room", "and again"]);
        await bob.ask("tell", { rooms: [id] }, ["to its id"]);
        await bob.ask("tell", { rooms: [room, second] }, ["to two of its rooms, once"]);
        await bob.ask("tell", { rooms: [second], except: [room] }, ["not to those in the other one"]);
        await bob.ask("tell", { rooms: [room], except: [ctx.room("third")] }, ["except others"]);
        await bob.ask("tell", { rooms: [ctx.room("third")] }, ["to a room that it is not in"]);
        await bob.ask("tell others", { rooms: [second] }, "from a socket to a room");
        await bob.ask("tell others", {}, "from a socket to everyone");
        await bob.ask("tell", {}, ["to everyone"]);
        await bob.next("told");
        await comeBack(alice, bob, 8);
      },
    },
    {
      name: "what a room was sent before a client left it, and after, is no concern of its recovery",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        await bob.ask("tell", { rooms: [room] }, ["while it was in the room"]);
        await alice.next("told");
        await alice.ask("leave", room);
        await bob.ask("tell", { rooms: [room] }, ["after it left"]);
        await cut(alice, bob);
        await bob.ask("tell", { rooms: [room] }, ["while it is away"]);
        await bob.ask("tell", { rooms: [alice.name] }, ["to nobody"]);
        await comeBack(alice, bob, 0);
      },
    },
    {
      name: "a client comes back again and again, with the same session",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        for (const text of ["the first time", "the second", "the third"]) {
          await cut(alice, bob);
          await bob.ask("tell", { rooms: [room] }, [text]);
          await comeBack(alice, bob, 1);
        }
      },
    },
    {
      name: "a client that has missed nothing is recovered too, and goes on",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        await cut(alice, bob);
        await comeBack(alice, bob, 0);
        await bob.ask("tell", { rooms: [room] }, ["to the room"]);
        await alice.next("told");
      },
    },
    {
      name: "in a namespace of its own",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx, { nsp: "/other" });
        await cut(alice, bob);
        await bob.ask("tell", { rooms: [room] }, ["to the room"]);
        await bob.ask("tell others", {}, "to everyone of the namespace");
        await comeBack(alice, bob, 2);
      },
    },
    {
      name: "volatile events are not kept, and do not keep a client from coming back",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        await bob.ask("whisper", room, "heard");
        await alice.next("whispered");
        await bob.ask("tell", { rooms: [room] }, ["after the whisper"]);
        await alice.next("told");
        await cut(alice, bob);
        await bob.ask("whisper", room, "not heard");
        await bob.ask("tell", { rooms: [room] }, ["missed"]);
        await comeBack(alice, bob, 1);
      },
    },
    {
      name: "middlewares are not asked about one that comes back",
      async run(ctx) {
        const auth: Record<string, unknown> = {};
        const { alice, bob } = await pair(ctx, { auth });
        await cut(alice, bob);
        auth.refuse = true;
        await comeBack(alice, bob, 0);
      },
    },
    {
      name: "a client that has disconnected begins anew",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        alice.socket.disconnect();
        await alice.disconnected();
        await bob.next("left");
        await bob.ask("tell", { rooms: [room] }, ["not for it any more"]);
        await comeBack(alice, bob, 0);
      },
    },
    {
      name: "a client that the server has disconnected begins anew",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        alice.emit("end me");
        await alice.disconnected();
        await bob.next("left");
        await bob.ask("tell", { rooms: [room] }, ["not for it any more"]);
        await comeBack(alice, bob, 0);
      },
    },
    {
      name: "a session that nobody knows is not given to anybody",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        await cut(alice, bob);
        await bob.ask("tell", { rooms: [room] }, ["missed for good"]);
        (alice.socket as unknown as Remembering)._pid = "A".repeat(24);
        await comeBack(alice, bob, 0);
      },
    },
    {
      name: "a session of another namespace is not given either",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        const eve = await ctx.connect("eve", { nsp: "/other", over: bob });
        await cut(alice, bob);
        await bob.ask("tell", { rooms: [room] }, ["missed for good"]);
        (alice.socket as unknown as Remembering)._pid = (eve.socket as unknown as Remembering)._pid ?? "";
        await comeBack(alice, bob, 0);
      },
    },
    {
      name: "with an offset that was never given out a client begins anew",
      async run(ctx) {
        const { alice, bob } = await pair(ctx);
        await cut(alice, bob);
        (alice.socket as unknown as Remembering)._lastOffset = "never";
        await comeBack(alice, bob, 0);
      },
    },
  ],
};

/** With `skipMiddlewares: false`, and a short time to be away. */
export const carefulRecovery: ScenarioGroup = {
  title: "connection state recovery with middlewares",
  scenarios: [
    {
      name: "middlewares are asked again, and have the data of before",
      covers: ["Socket#recovered"],
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        await cut(alice, bob);
        await bob.ask("tell", { rooms: [room] }, ["missed"]);
        await comeBack(alice, bob, 1);
      },
    },
    {
      name: "they can refuse one that comes back, who then has another try",
      async run(ctx) {
        const auth: Record<string, unknown> = {};
        const { alice, bob } = await pair(ctx, { auth });
        // Nothing is missed: stock sends that before it asks the middlewares, so it would come twice.
        await cut(alice, bob);
        auth.refuse = true;
        alice.socket.connect();
        await alice.refused();
        auth.refuse = false;
        await comeBack(alice, bob, 0);
      },
    },
    {
      name: "who was away for too long begins anew",
      async run(ctx) {
        const { room, alice, bob } = await pair(ctx);
        await cut(alice, bob);
        await bob.ask("tell", { rooms: [room] }, ["missed for good"]);
        // What is to be seen is that time has passed.
        await new Promise((resolve) => setTimeout(resolve, TOO_LONG_MS));
        await comeBack(alice, bob, 0);
      },
    },
  ],
};
