import { CHANNELS } from "../../../apps/core/channels.ts";
import type { ScenarioGroup } from "../../../support/scenario.ts";

export const channels: ScenarioGroup = {
  title: "namespaces",
  scenarios: [
    {
      name: "several namespaces share one connection and answer the same event each for itself",
      covers: ["Server#of", "Namespace#name", "Socket#nsp"],
      async run(ctx) {
        const chat = await ctx.connect("chat", { nsp: "/chat" });
        const news = await ctx.connect("news", { nsp: "/news", over: chat });
        const main = await ctx.connect("main", { over: chat });
        await chat.ask("where");
        await news.ask("where");
        await main.ask("who am i");
      },
    },
    {
      name: "namespaces may be dialled at the same time",
      async run(ctx) {
        const chat = ctx.dial("chat", { nsp: "/chat" });
        const news = ctx.dial("news", { nsp: "/news", over: chat });
        const main = ctx.dial("main", { over: chat });
        await Promise.all([chat, news, main].map((client) => client.connected()));
        await news.ask("where");
        await chat.ask("where");
        await main.ask("who am i");
      },
    },
    {
      name: "namespace names may be deep, odd, or written without the slash on the server",
      covers: ["Server#of", "Namespace#name"],
      async run(ctx) {
        for (const name of CHANNELS) {
          const nsp = name.startsWith("/") ? name : `/${name}`;
          const client = await ctx.connect(`in ${name}`, { nsp });
          await client.ask("where");
        }
      },
    },
    {
      name: "a room of one namespace is not the room of the same name in another",
      covers: ["Namespace#to"],
      async run(ctx) {
        const chat = await ctx.connect("chat", { nsp: "/chat" });
        const news = await ctx.connect("news", { nsp: "/news", over: chat });
        const room = ctx.room("hall");
        await chat.ask("join", room);
        await news.ask("join", room);
        await chat.ask("tell", room, "for chat");
        await chat.next("told");
        await news.ask("tell", room, "for news");
        await news.next("told");
        await chat.ask("tell", room, "for chat again");
        await chat.next("told");
      },
    },
    {
      name: "a handler of one namespace emits to another",
      async run(ctx) {
        const chat = await ctx.connect("chat", { nsp: "/chat" });
        const news = await ctx.connect("news", { nsp: "/news" });
        const room = ctx.room("hall");
        await chat.ask("join", room);
        await news.ask("join", room);
        await chat.ask("tell there", "/news", room, "hello");
        await news.next("told");
        await chat.ask("tell", room, "marker");
        await chat.next("told");
      },
    },
    {
      name: "an unknown namespace is refused, and the connection's other namespaces stay",
      async run(ctx) {
        const chat = await ctx.connect("chat", { nsp: "/chat" });
        const nowhere = ctx.dial("nowhere", { nsp: "/nowhere", over: chat });
        await nowhere.refused();
        await chat.ask("where");
      },
    },
    {
      name: "an unknown namespace is refused as the first thing on a connection",
      async run(ctx) {
        const nowhere = ctx.dial("nowhere", { nsp: "/nowhere" });
        await nowhere.refused();
        const chat = await ctx.connect("chat", { nsp: "/chat", over: nowhere });
        await chat.ask("where");
      },
    },
    {
      name: "namespace names are case-sensitive and no prefixes of each other",
      async run(ctx) {
        for (const nsp of ["/Chat", "/chat/", "/chat/sub", "/deep"]) await ctx.dial(nsp, { nsp }).refused();
      },
    },
    {
      name: "leaving one namespace keeps the others, and its id no longer gets events",
      covers: ["Socket:disconnect"],
      async run(ctx) {
        const observer = await ctx.connect("observer", { nsp: "/news" });
        const room = ctx.room("observers");
        await observer.ask("join", room);
        const chat = await ctx.connect("chat", { nsp: "/chat" });
        const plain = await ctx.connect("plain", { nsp: "/plain", over: chat });
        await chat.ask("observe", room);
        await plain.ask("observe", room);
        chat.socket.disconnect();
        await chat.disconnected();
        await observer.next("ended");
        await plain.ask("where");
      },
    },
    {
      name: "a namespace that was left can be entered again on the same connection, with a new id",
      async run(ctx) {
        const main = await ctx.connect("main");
        const chat = await ctx.connect("chat", { nsp: "/chat", over: main });
        await chat.ask("where");
        chat.socket.disconnect();
        await chat.disconnected();
        await main.ask("who am i");
        chat.socket.connect();
        await chat.connected();
        await chat.ask("where");
        await main.ask("who am i");
      },
    },
    {
      name: "the server ends one namespace and keeps the others",
      covers: ["Socket#disconnect"],
      async run(ctx) {
        const observer = await ctx.connect("observer", { nsp: "/news" });
        const room = ctx.room("observers");
        await observer.ask("join", room);
        const chat = await ctx.connect("chat", { nsp: "/chat" });
        const plain = await ctx.connect("plain", { nsp: "/plain", over: chat });
        await chat.ask("observe", room);
        chat.emit("leave", false);
        await chat.disconnected();
        await observer.next("ended");
        await plain.ask("where");
      },
    },
    {
      name: "the server ends the whole connection from one namespace",
      covers: ["Socket#disconnect"],
      async run(ctx) {
        const observer = await ctx.connect("observer", { nsp: "/news" });
        const room = ctx.room("observers");
        await observer.ask("join", room);
        const chat = await ctx.connect("chat", { nsp: "/chat" });
        const plain = await ctx.connect("plain", { nsp: "/plain", over: chat });
        await plain.ask("observe", room);
        chat.emit("leave", true);
        await chat.disconnected();
        await plain.disconnected();
        await observer.next("ended");
      },
    },
    {
      name: "a cut connection ends all its namespaces",
      async run(ctx) {
        const observer = await ctx.connect("observer", { nsp: "/news" });
        const [first, second] = [ctx.room("first"), ctx.room("second")];
        await observer.ask("join", first);
        await observer.ask("join", second);
        const chat = await ctx.connect("chat", { nsp: "/chat" });
        const plain = await ctx.connect("plain", { nsp: "/plain", over: chat });
        await chat.ask("observe", first);
        await plain.ask("observe", first);
        chat.cut();
        await chat.disconnected();
        await plain.disconnected();
        await observer.next("ended");
        await observer.next("ended");
      },
    },
  ],
};
