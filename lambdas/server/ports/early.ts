/**
 * A frame that came before another of its connection that was sent earlier, as its count tells. It is kept until that one has come:
 * as long as it were in the queue, nothing behind it could be delivered.
 */
export interface EarlyFrame {
  readonly connectionId: string;
  readonly count: number;
  /** API Gateway's, of the message. */
  readonly id: string;
  /** Milliseconds since the epoch by API Gateway's clock: when it received the frame. */
  readonly at: number;
  /** Without its count. */
  readonly body: string;
}
