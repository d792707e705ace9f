import { Server } from "skysocket";

/** With recovery on: a lobby that is spoken to, and a limit that one comes to quickly. */
const io = new Server({ connectionStateRecovery: { maxResumesPerMinute: 2 } });

io.on("connection", (socket) => {
  if (!socket.recovered) socket.join("lobby");
  socket.on("say", (times: number, text: string, ack) => {
    for (let i = 0; i < times; i++) io.to("lobby").emit("said", text);
    ack();
  });
});

export default io;
