import { Server, type Socket } from "skysocket";

/** Tells its clients what it has understood of their frames, in words that survive JSON. */
export function wire(io: Server): void {
  for (const name of ["/", "/chat", "/first marker", "/second marker"]) io.of(name).on("connection", listen);
  io.of(/^\/dynamic-/).on("connection", listen);
  io.of("/auth").on("connection", (socket) => {
    socket.emit("auth", read(socket.handshake.auth));
  });
}

/** How an argument reads: its kind where JSON would blur it, and never long. */
function read(value: unknown): unknown {
  if (typeof value === "function") return "<acknowledgement>";
  if (Buffer.isBuffer(value)) return `<binary ${value.toString("hex")}>`;
  if (value === undefined) return "<undefined>";
  if (typeof value === "string" && value.length > 100) return `<${value.length} characters>`;
  if (Array.isArray(value)) return value.map(read);
  if (typeof value !== "object" || value === null) return value;
  return Object.entries(value).map(([key, inside]) => [key, read(inside)]);
}

function listen(socket: Socket): void {
  socket.onAny((...event: unknown[]) => {
    if (event[0] === "ask" || event[0] === "polluted?") return;
    socket.emit("heard", read(event));
    const ack = event.at(-1);
    if (typeof ack === "function") ack("ok");
  });
  socket.on("ask", () => {
    socket.timeout(4_000).emit("question", (error: Error | null, ...answer: unknown[]) => {
      socket.emit("answered", error ? "by nobody" : read(answer));
    });
  });
  socket.on("polluted?", (ack) => ack(Reflect.get({}, "polluted") ?? "no"));
}

const io = new Server();
wire(io);

export default io;
