import { Server } from "skysocket";

const io = new Server({ fanOutThreshold: 1 });

io.on("connection", (socket) => {
  socket.openInbox("ada");
});

/** Whoever asks gets an answer from no event at all: a timer of the module that the process keeps. */
let asked = 0; // skysocket: in-memory
setInterval(() => {
  if (asked === 0) return;
  asked = 0;
  io.inbox("ada").emit("mail", "from a timer");
}, 10);

io.of("/ask").on("connection", (socket) => {
  socket.on("timer", (ack) => {
    asked++;
    ack();
  });
});

/** The scheduled function asks these for their names, and sends them away: it has none of their listeners. */
io.of("/asked").on("connection", (socket) => {
  socket.on("disconnect", (reason) => io.emit("gone", reason));
});

export default io;
