import { io } from "/socket.io-client/socket.io.esm.min.js";
import { Board } from "./board.js";
import { byId } from "./dom.js";
import { listenToHappens } from "./happens.js";
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
async function openSockets(nickname) {
  const response = await fetch("./config.json");
  if (!response.ok) throw new Error(`./config.json answered ${response.status}.`);
  const { url, path } = await response.json();
  const options = {
    path,
    // API Gateway speaks WebSocket only, and takes text frames only.
    transports: ["websocket"],
    forceBase64: true,
    autoConnect: false,
    // A function, so that a reconnect after a change of the nickname tells the new one.
    auth: (send) => send({ nickname: nickname() }),
  };
  return { chat: io(url, options), board: io(`${url}/board`, options) };
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

async function start() {
  listenToTabs();
  listenToHappens();
  const sockets = await openSockets(() => nickname.value);
  const { chat } = sockets;
  const rooms = new Rooms((name) => void room.go(name));
  const room = new Room(chat, {
    nickname: () => nickname.value,
    onNews: () => countNews("chat"),
    onMoved: (name) => {
      rooms.show(name);
      if (name !== roomInAddress()) location.hash = name === undefined ? "" : encodeURIComponent(name);
      showView(name === undefined ? "rooms" : "chat");
    },
  });
  const board = new Board(sockets.board, () => countNews("board"));
  const nickname = new Nickname({
    tell: (chosen) => rename(sockets, chosen),
    onChosen: (chosen) => {
      room.renamed(chosen);
      board.renamed(chosen);
      if (!chat.connected || !sockets.board.connected) connect();
    },
  });
  const connect = watchState(sockets, nickname);
  chat.on("connect", () => void room.connected(room.name ?? roomInAddress() ?? FIRST_ROOM));
  chat.on("disconnect", () => room.disconnected());
  addEventListener("hashchange", () => {
    const wanted = roomInAddress();
    if (wanted !== undefined && wanted !== room.name) void room.go(wanted);
  });
  if (nickname.value !== "") return connect();
  byId("state").firstElementChild.textContent = "Waiting for a nickname";
  nickname.ask();
}

start().catch((error) => {
  const state = byId("state");
  state.dataset.state = "off";
  state.firstElementChild.textContent = `The chat could not start: ${error.message}`;
  throw error;
});
