import { type Answer, Client, PADDING, type Played } from "./shared-play.ts";
import { NO_FAULTS } from "./simulated-cloud.ts";
import { Life } from "./simulation.ts";

/** What the application has in its shared variables. */
export interface Content {
  /** Ids of the sockets that are connected. */
  readonly present: readonly string[];
  /** What has been added, in its order. */
  readonly added: readonly string[];
  readonly sum: number;
  /** How often each was added. */
  readonly times: ReadonlyMap<string, number>;
}

/** What is kept, as a client that comes now is told; without faults from here on. */
export async function contentOf({
  cloud,
  simulation,
}: Pick<Played, "cloud" | "simulation">): Promise<Content> {
  cloud.faults = NO_FAULTS;
  let content: Content | undefined;
  void (async () => {
    const clock = simulation.clock(new Life());
    const client = new Client(simulation, cloud, clock);
    if (!(await client.connect())) return;
    const answer = await client.ask(0, ["content"]);
    if (answer) content = toContent(answer, client.sid);
    client.close();
  })();
  await simulation.run();
  if (!content)
    throw new Error(`a client that came when all was over got no answer:\n${cloud.log.join("\n")}`);
  return content;
}

function toContent([present, added, sum, times]: Answer, reader: string | undefined): Content {
  return {
    present: (present as string[]).filter((id) => id !== reader),
    added: (added as string[]).map((name) => name.slice(0, -PADDING.length)),
    sum: Number(sum),
    times: new Map(times as [string, number][]),
  };
}

/** What is wrong, in words; nothing if all is right. */
export async function faultsOf(played: Played): Promise<readonly string[]> {
  const faults: string[] = [];
  const { added, sum, times, present } = await contentOf(played);
  const { acknowledged, sent, cloud } = played;
  if (new Set(added).size !== added.length) faults.push(`something was added twice: ${added.join(" ")}`);
  if (sum !== added.length) faults.push(`the sum is ${sum}, and ${added.length} were added`);
  if (times.size !== added.length) faults.push(`${times.size} are counted, and ${added.length} were added`);
  for (const name of added) if (!sent.includes(name)) faults.push(`${name} was never sent`);
  for (const [name, told] of acknowledged) {
    if (!added.includes(name)) faults.push(`${name} was acknowledged, and is lost`);
    else if (added[told - 1] !== name) faults.push(`${name} was told that it is number ${told}`);
  }
  const open: string[] = [];
  for (const { id } of cloud.connections.values()) {
    const { sockets } = await cloud.store.readConnection(id);
    open.push(...sockets.filter(({ phase }) => phase === "open").map((socket) => socket.id));
  }
  const gone = present.filter((id) => !open.includes(id));
  if (gone.length > 0) faults.push(`present though not connected: ${gone.join(" ")}`);
  return faults;
}

/** All connections close, and the heartbeat has what is dead ended until nothing is left of it. */
export async function endAll({ cloud, simulation }: Played): Promise<void> {
  cloud.faults = NO_FAULTS;
  for (const connection of cloud.connections.values()) cloud.close(connection, 1006);
  await simulation.run();
  for (let minute = 0; minute < 3; minute++) {
    void simulation.clock(new Life()).sleep(61_000);
    await simulation.run();
    cloud.endAll();
    cloud.endAll();
    await simulation.run();
  }
}
