import { Server, type Socket } from "skysocket";

/** What a client asks to be sent: `id` is written to the log when the emit's promise has resolved. */
interface Plan {
  readonly id: number;
  readonly by: "io" | "socket" | "self" | "volatile" | "inbox";
  readonly rooms: readonly string[];
  readonly except: readonly string[];
}

const HOURS_MS = 60 * 60 * 1_000;
const io = new Server({
  connectionStateRecovery: {
    ...{ maxDisconnectionDuration: 2 * HOURS_MS, skipMiddlewares: true },
    maxResumesPerMinute: Number.POSITIVE_INFINITY, // chaos cuts clients off more often than that
  },
});

/** In the log and not in an acknowledgement alone: what is owed is owed, whether its emitter's connection lived or not. */
const done = (id: number): void => console.log(`soak done ${id}`);
/** An event whose instance died comes again, and is run once more. */
const begun = (id: number): void => console.log(`soak run ${id}`);

/** As the table has them: a join of a socket that has ended, or gone on to another connection, resolves and has no effect. */
const roomsNow = async (sid: string): Promise<ReadonlySet<string> | undefined> =>
  (await io.in(sid).fetchSockets())[0]?.rooms;

io.on("connection", (socket) => {
  socket.join("lobby");
  for (const inbox of socket.handshake.auth.inboxes ?? []) socket.openInbox(inbox);

  socket.on("enter", (ack) => ack());
  // What a client sent for a session that it has no more, and that it kept until it was connected again, counts for neither.
  const isMine = (sid: string): boolean => sid === socket.id;
  socket.on("join", async (sid: string, id: number, room: string, ack) => {
    if (!isMine(sid)) return;
    await socket.join(room);
    if ((await roomsNow(sid))?.has(room)) done(id);
    ack();
  });
  socket.on("leave", async (sid: string, id: number, room: string, ack) => {
    if (!isMine(sid)) return;
    await socket.leave(room);
    if ((await roomsNow(sid))?.has(room) === false) done(id);
    ack();
  });
  socket.on("say", async (sid: string, plans: readonly Plan[], ack) => {
    if (!isMine(sid)) return;
    for (const { id } of plans) begun(id);
    await Promise.all(
      plans.map(async (plan) => {
        await say(socket, plan);
        done(plan.id);
      }),
    );
    ack();
  });
});

function say(socket: Socket, { id, by, rooms, except }: Plan): PromiseLike<unknown> {
  switch (by) {
    case "io":
      return io
        .to([...rooms])
        .except([...except])
        .emit("number", id);
    case "socket":
      return socket
        .to([...rooms])
        .except([...except])
        .emit("number", id);
    case "self":
      return socket.emit("number", id);
    case "volatile":
      // Its string must not be taken for an offset.
      return io.volatile.emit("noise", "text");
    case "inbox":
      return io.inbox(rooms[0] ?? "").emit("letter", id);
  }
}

export default io;
