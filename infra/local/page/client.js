import { io } from "/socket.io-client/socket.io.esm.min.js";
import { Arrivals } from "./arrivals.js";
import { Board } from "./board.js";
import { config } from "./config.js";
import { listenToCut } from "./cut.js";
import { Direct } from "./direct.js";
import { byId } from "./dom.js";
import { listenToHappens } from "./happens.js";
import { Identity } from "./identity.js";
import { Nickname } from "./nickname.js";
import { ask } from "./request.js";
import { Room } from "./room.js";
import { Rooms } from "./rooms.js";
import { countNews, listenToTabs, showView } from "./views.js";

const FIRST_ROOM = "lobby";

/** The room in the address, so that Back, a reload and a sent link lead there. */
function roomInAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1)).trim().toLowerCase() || undefined;
  } catch {
    return undefined;
  }
}

/** Two namespaces over one connection: "/" is the chat, "/board" the notice board. */
async function openSockets(who) {
  const { path } = await config;
  const options = {
    path,
    // API Gateway speaks WebSocket only, and takes text frames only.
    transports: ["websocket"],
    forceBase64: true,
    autoConnect: false,
    // A function, so that a reconnect after a change of the nickname tells the new one.
    auth: (send) => send(who()),
  };
  return { chat: io("/", options), board: io("/board", options) };
}

/** Shows how the connection and both namespaces are. */
function watchState({ chat, board }, nickname) {
  const state = byId("state");
  const retry = byId("retry");
  const show = (kind, text) => {
    state.dataset.state = kind;
    state.firstElementChild.textContent = text;
    retry.hidden = kind !== "off";
    byId("chat-nsp").dataset.state = chat.connected ? "on" : kind;
    byId("board-nsp").dataset.state = board.connected ? "on" : kind;
  };
  const connect = () => {
    show("wait", "Connecting…");
    chat.connect();
    board.connect();
  };
  retry.addEventListener("click", connect);
  chat.on("connect", () => show("on", "Connected"));
  board.on("connect", () => chat.connected && show("on", "Connected"));
  for (const socket of [chat, board]) {
    socket.on("disconnect", () =>
      socket.active ? show("wait", "Connecting again…") : show("off", "Disconnected"),
    );
    socket.on("connect_error", (error) => {
      if (error.data?.field === "nickname") {
        // Both namespaces refuse a bad nickname; one dialog is enough.
        show("wait", "Waiting for a nickname");
        nickname.forget();
        nickname.ask(error.message);
      } else if (socket.active) show("wait", "No connection. Trying again…");
      else show("off", `Refused: ${error.message}`);
    });
  }
  return connect;
}

/** Tells a new name to the namespaces that know the old one. Resolves to the reason if it is refused. */
async function rename({ chat, board }, nickname) {
  for (const socket of [chat, board]) {
    if (!socket.connected) continue;
    const answer = await ask(socket, "nickname", nickname);
    if (!answer.ok) return answer.reason;
  }
  return undefined;
}

/** What the page does when the connection comes and goes. */
function followConnection(chat, { arrivals, room }) {
  chat.on("connect", () => {
    arrivals.back(chat.recovered);
    void room.connected(room.name ?? roomInAddress() ?? FIRST_ROOM);
    // The client's own events are handled behind what it has missed, and so is this one.
    void ask(chat, "since").then((answer) => {
      // Without an answer nobody can tell; what comes from now on counts as new.
      if (chat.connected) arrivals.settled(answer.ok ? answer.at : 0);
    });
  });
  chat.on("disconnect", () => {
    arrivals.lost();
    room.disconnected();
  });
}

async function start() {
  listenToTabs();
  void listenToHappens();
  const identity = new Identity();
  const sockets = await openSockets(() => ({ nickname: nickname.value, key: identity.key }));
  const { chat } = sockets;
  const goTo = (name) => {
    direct.close();
    void room.go(name);
  };
  const rooms = new Rooms(goTo);
  const arrivals = new Arrivals((text) => {
    const notes = [room, direct].map((view) => view.note(text));
    return (other) => {
      for (const change of notes) change?.(other);
    };
  });
  const direct = new Direct(chat, {
    key: () => identity.key,
    nickname: () => nickname.value,
    arrivals,
    onShown: () => showView("chat"),
    onNews: () => countNews("rooms"),
  });
  const room = new Room(chat, {
    nickname: () => nickname.value,
    arrivals,
    onNews: () => {
      countNews("chat");
      direct.roomNews();
    },
    onPerson: (person) => direct.open(person),
    onMoved: (name) => {
      rooms.show(name);
      direct.room = name;
      if (name !== roomInAddress()) location.hash = name === undefined ? "" : encodeURIComponent(name);
      showView(name === undefined ? "rooms" : "chat");
    },
  });
  const board = new Board(sockets.board, () => countNews("board"));
  const nickname = new Nickname({
    tell: (chosen) => rename(sockets, chosen),
    onChosen: (chosen) => {
      identify();
      room.renamed(chosen);
      board.renamed(chosen);
      if (!chat.connected || !sockets.board.connected) connect();
    },
  });
  const identify = () => {
    identity.named(nickname.value);
    direct.identified();
  };
  const connect = watchState(sockets, nickname);
  listenToCut(chat);
  followConnection(chat, { arrivals, room });
  addEventListener("hashchange", () => {
    const wanted = roomInAddress();
    if (wanted !== undefined && wanted !== room.name) goTo(wanted);
  });
  if (nickname.value !== "") {
    identify();
    return connect();
  }
  byId("state").firstElementChild.textContent = "Waiting for a nickname";
  nickname.ask();
}

start().catch((error) => {
  const state = byId("state");
  state.dataset.state = "off";
  state.firstElementChild.textContent = `The chat could not start: ${error.message}`;
  throw error;
});
