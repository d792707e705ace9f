import type { BroadcastOperator, Server } from "skysocket";

/** What Socket.IO calls private or keeps for the curious, and packages read all the same. */
export function insides(io: Server): void {
  const nsp = io.of("/insides");
  const parent = io.of(/^\/insides-\d+$/);
  const declared = io.of("/insides-1");

  nsp.on("connection", (socket) => {
    const created: unknown[] = [];
    const first: unknown[] = [];
    socket.conn.on("packetCreate", ({ type, data, options }) => {
      created.push([type, Buffer.isBuffer(data) ? [...data] : data, options.compress]);
    });
    socket.conn.prependListener("packetCreate", () => first.push(created.length));
    socket.conn.once("packetCreate", () => first.push("once"));

    socket.on("create packets", (ack) => {
      created.length = 0; // on stock, those of events before are there as well
      socket.emit("one", 1);
      socket.compress(false).emit("two", Buffer.from([2]));
      nsp.to(socket.id).emit("three");
      nsp.compress(false).except("nobody").emit("four");
      nsp.to("nobody").emit("five");
      ack("six");
      socket.emit("created", created);
    });
    socket.on("operators", (ack) => {
      const operators = [
        nsp.to("a").in(["b", "c"]).except("d"),
        socket.local.compress(false).to(["a", "b"]).volatile,
        socket.broadcast.timeout(5),
        nsp.except(["x", "y"]),
      ];
      const [first] = operators;
      first?.to("later").compress(true);
      ack(operators.map((one) => insideOf(one, socket.id)));
    });
    socket.on("namespaces", (ack) => {
      const known = ["/", "/insides", "/insides-1", "/nowhere"];
      ack(
        known.map((name) => io._nsps.has(name)),
        io._nsps.get("/insides") === nsp,
        parent.children.has(declared),
        parent.children.has(nsp),
      );
    });
  });
}

function insideOf({ rooms, exceptRooms, flags }: BroadcastOperator, id: string): unknown[] {
  return [[...rooms], [...exceptRooms].map((room) => (room === id ? "itself" : room)), flags];
}
