import { Server } from "skysocket";

/**
 * Socket.IO's best-known application, moved to Skysocket: the "chat message" for everybody of its tutorial, and the chat of
 * its demo with nicknames, who types, and how many are here. Lines that begin with "stock:" show what stood there before.
 * With the import changed back it still runs on stock Socket.IO, and there on several servers too.
 *
 * Like the original it believes what clients send; lambdas/app.ts shows how to check it.
 *
 * @see https://socket.io/docs/v4/tutorial/introduction
 * @see https://github.com/socketio/socket.io/tree/main/examples/chat
 */
interface ClientEvents {
  "chat message": (text: string) => void;
  "add user": (username: string) => void;
  "new message": (message: string) => void;
  typing: () => void;
  "stop typing": () => void;
}
interface ServerEvents {
  "chat message": (text: string) => void;
  login: (event: { numUsers: number }) => void;
  "user joined": (event: { username: string; numUsers: number }) => void;
  "user left": (event: { username: string; numUsers: number }) => void;
  "new message": (event: { username: string | undefined; message: string }) => void;
  typing: (event: { username: string | undefined }) => void;
  "stop typing": (event: { username: string | undefined }) => void;
}
interface SocketData {
  username?: string;
}

// stock: const httpServer = createServer(app); const io = new Server(httpServer); httpServer.listen(3000);
// API Gateway listens. The page, which Express served, is served from wherever static files are.
const io = new Server<ClientEvents, ServerEvents, Record<string, never>, SocketData>();

// stock: let numUsers = 0; with ++numUsers and --numUsers in the handlers.
// No process sees all who come and go, so it is counted in the table: one read for all members, and two for each.
async function countUsers(): Promise<number> {
  const sockets = await io.fetchSockets();
  return sockets.filter(({ data }) => data.username !== undefined).length;
}

io.on("connection", (socket) => {
  // stock: let addedUser = false;
  // It would be false again in each event. Who has a nickname has been added: that is kept in socket.data.

  // As in the tutorial, without a change; and so are the next three but for the place of the nickname.
  socket.on("chat message", (text) => {
    io.emit("chat message", text);
  });

  // stock: socket.username
  // Such a property would be kept for this socket as well, but fetchSockets() shows only `data` of the others.
  socket.on("new message", (message) => {
    socket.broadcast.emit("new message", { username: socket.data.username, message });
  });

  socket.on("typing", () => {
    socket.broadcast.emit("typing", { username: socket.data.username });
  });

  socket.on("stop typing", () => {
    socket.broadcast.emit("stop typing", { username: socket.data.username });
  });

  // stock: not async, since the count was a variable.
  socket.on("add user", async (username) => {
    if (socket.data.username !== undefined) return; // stock: if (addedUser) return;
    socket.data.username = username;
    const numUsers = await countUsers(); // stock: ++numUsers; addedUser = true;
    socket.emit("login", { numUsers });
    socket.broadcast.emit("user joined", { username, numUsers });
  });

  socket.on("disconnect", async () => {
    const { username } = socket.data;
    if (username === undefined) return; // stock: if (!addedUser) return;
    const numUsers = await countUsers(); // stock: --numUsers. This socket is no longer among them.
    socket.broadcast.emit("user left", { username, numUsers });
  });
});

// stock: nothing. Here the function takes the server from the module.
export default io;
