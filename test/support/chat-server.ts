import { startLocalCloud } from "../../infra/local/cloud.ts";
import { ACCOUNT_THROTTLE } from "./account-throttle.ts";

export interface ChatServer {
  /** Of the page. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the example chat with its page: the one place that says what the browser test runs on. */
export async function startChatServer(): Promise<ChatServer> {
  const cloud = await startLocalCloud({ port: 0, throttle: ACCOUNT_THROTTLE });
  return { url: cloud.url, stop: () => cloud.stop() };
}
