import { Server } from "skysocket";
import { connect } from "skysocket/outside";

/** A function of the stack that has nothing of the socket function's but its table and its clients. */
const io = new Server({ fanOutThreshold: 1 });
connect(io);

export async function handler(): Promise<void> {
  await io.inbox("ada").emit("mail", "from a schedule");
  await io.socketsJoin("all");
  const sockets = await io.in("all").fetchSockets();
  // More than the threshold: workers have a part.
  await io.to("all").emit("count", sockets.length);
  await io.socketsLeave("all");

  const asked = io.of("/asked");
  const names = await asked.timeout(5_000).emitWithAck("name");
  let again: unknown;
  await asked.timeout(5_000).emit("name", (_error: unknown, answers: unknown) => {
    again = answers;
  });
  await asked.emit("names", names, again);
  await asked.disconnectSockets(true);
}
