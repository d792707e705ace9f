import { Server } from "skysocket";

interface Requests {
  hi: (name: string, ack: (answer: string) => void) => void;
}

const io = new Server<Requests>();
io.on("connection", (socket) => {
  socket.on("hi", (name, ack) => ack(`hello ${name}`));
});

export default io;
