import { TestClouds } from "./cloud.ts";

export interface ChatServer {
  /** Of the page. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the example chat with its page: the one place that says what the browser test runs on. */
export async function startChatServer(): Promise<ChatServer> {
  const clouds = new TestClouds();
  const { url } = await clouds.start();
  return { url, stop: () => clouds.stop() };
}
