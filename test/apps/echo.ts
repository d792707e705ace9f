import { Server } from "skysocket";

/** The smallest application: what one event, and one CONNECT, costs. Pages of one site may connect, and of its subdomains. */
const io = new Server({ cors: { origin: ["https://good.example", /^https:\/\/\w+\.good\.example$/] } });

io.on("connection", (socket) => {
  socket.on("echo", (value: unknown, ack) => ack(value));
});

export default io;
