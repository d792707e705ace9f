const io = require("skysocket")(require("node:http").createServer(), { cors: { origin: "*" } });

io.on("connection", (socket) => {
  socket.on("hi", (name, ack) => ack(`hello ${name}`));
});

// As compilers write a default export.
Object.defineProperty(exports, "__esModule", { value: true });
exports.default = io;
