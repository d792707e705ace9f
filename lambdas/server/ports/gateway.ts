/**
 * API Gateway cuts every WebSocket connection after two hours. In milliseconds.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
export const CONNECTION_LIFE_MS = 2 * 60 * 60 * 1_000;

export type PostAnswer = "ok" | "gone" | "refused";

export interface PostOptions {
  /** One try: what API Gateway is too busy for is `refused`, whoever's fault it is. */
  readonly once?: boolean;
  /** Called, perhaps several times, when a try was refused as those of others are not: it may take a while. */
  readonly onSlow?: () => void;
}

export interface Gateway {
  /**
   * Sends one text frame. `gone`: there is no such connection, though it may be only not there yet, or the answer may be stale
   * (docs/architecture/broadcast.md, Posting); it is a value, since a peer that went away is no fault. `refused`: it was not
   * taken in all tries, though that of others is: the client does not read. Other failures throw.
   */
  post(connectionId: string, frame: string, how?: PostOptions): Promise<PostAnswer>;
  /** Closes the connection; one that is gone already is no fault. */
  close(connectionId: string): Promise<void>;
}
