import { Server } from "../../lambdas/server/api/index.ts";
import type { Socket } from "../../lambdas/server/api/socket.ts";
import { EVERYBODY, type Ledger, type Moment } from "./recovery-ledger.ts";

/** How an emit is called: on `io`, on the socket (which leaves out the sender), or to the socket itself. */
export interface Plan {
  readonly n: number;
  readonly by: "io" | "socket" | "self";
  readonly rooms: readonly string[];
  readonly except: readonly string[];
}

/** No client is away that long in a simulation, in milliseconds. */
const LONG_MS = 2 * 60 * 60 * 1_000;

/** An application that joins, leaves and emits as its clients say, and notes it in the ledger. */
export const application = (ledger: Ledger, skipMiddlewares: boolean) => (): Server => {
  const io = new Server({
    connectionStateRecovery: {
      ...{ maxDisconnectionDuration: LONG_MS, skipMiddlewares },
      maxResumesPerMinute: Number.POSITIVE_INFINITY, // clients are cut off as often as a schedule likes
    },
  });
  io.use((_, next) => next());
  io.on("connection", (socket) => {
    enter(ledger, socket);
    socket.on("join", (room: string, began: Moment) => {
      ledger.joined(socket.id, room, began, () => socket.join(room));
    });
    socket.on("leave", (room: string, began: Moment) => {
      ledger.leftRoom(socket.id, room, began, () => socket.leave(room));
    });
    socket.on("say", (plans: readonly Plan[]) => {
      const handler = ledger.handler();
      for (const plan of plans) say(ledger, io, socket, handler, plan);
    });
    socket.on("disconnect", (reason) => {
      if (reason === "client namespace disconnect") ledger.left.set(socket.id, ledger.now());
    });
  });
  return io;
};

/** Every socket is in the lobby from the start, in its own room and among everyone. */
function enter(ledger: Ledger, socket: Socket): void {
  void socket.join("lobby");
  // The first effect that is done when CONNECT has been. Nobody keeps it, and its last argument must be taken for no offset.
  const here = socket.volatile.emit("here", "text");
  if (socket.replayed) return;
  const { began } = socket.handshake.auth as { began: Moment };
  const rooms = ["lobby", socket.id, EVERYBODY];
  for (const room of rooms) {
    ledger.joined(socket.id, room, began, () => here);
  }
  if (!socket.recovered) return;
  // A session that is restored was connected once, whatever has become of the invocation that did it.
  const settle = (): void => ledger.settleJoins(socket.id, rooms, began);
  void here.then(settle, () => undefined);
}

function say(ledger: Ledger, io: Server, socket: Socket, handler: number, plan: Plan): void {
  const { n, by, rooms, except } = plan;
  if (by === "self") {
    ledger.emitted({ n, handler, rooms: [socket.id], except: [] }, () => socket.emit("n", n));
    return;
  }
  const from = by === "io" ? io : socket;
  const target = { n, handler, rooms, except: by === "io" ? except : [...except, socket.id] };
  const operator = rooms.length > 0 ? from.to([...rooms]).except([...except]) : from.except([...except]);
  ledger.emitted(target, () => operator.emit("n", n));
}
