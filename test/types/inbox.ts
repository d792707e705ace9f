// Compiled, never run: inboxes know an application's events, as other emits do.
import { type Inbox, type InboxOptions, Server } from "skysocket";

interface ServerEvents {
  mail: (text: string, size: number) => void;
  nothing: () => void;
  ask: (question: string, ack: (answer: number) => void) => void;
}

export async function inboxes(io: Server<Record<string, never>, ServerEvents>): Promise<void> {
  const inbox: Inbox<ServerEvents> = io.inbox("ada");
  const stored: Promise<void> = inbox.emit("mail", "hello", 5);
  await stored;
  await io.of("/other").inbox("ada").emit("nothing");
  // @ts-expect-error an argument is missing
  await inbox.emit("mail", "hello");
  // @ts-expect-error its argument is a string
  await inbox.emit("mail", 1, 5);
  // @ts-expect-error no such event
  await inbox.emit("male", "hello", 5);
  // A map that the client shares tells it of the acknowledgement.
  await inbox.emit("ask", "how?");
  // @ts-expect-error the event has an argument
  await inbox.emit("ask");
  // @ts-expect-error nobody waits for the answer to an event of an inbox
  await inbox.emit("ask", "how?", (answer: number) => answer);
  io.on("connection", async (socket) => {
    const options: InboxOptions = { window: 8 };
    const opened: Promise<void> = socket.openInbox("ada", options);
    await opened;
    await socket.openInbox("bob");
    await socket.closeInbox("ada");
    // @ts-expect-error an inbox has a name
    await socket.openInbox();
  });
}

export const server = new Server({ inboxTtl: 24 * 60 * 60 * 1_000 });
