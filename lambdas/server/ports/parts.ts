/**
 * A frame of a packet with attachments, kept until its packet is whole. `header` and `attachment` wait for the others; a
 * `done` is what a header becomes when its packet has been put together.
 */
export type Part = PartId &
  (
    | { readonly kind: "header"; readonly text: string; readonly attachments: number }
    | { readonly kind: "attachment"; readonly bytes: Uint8Array }
    | {
        readonly kind: "done";
        /** When the packet's last attachment was received; milliseconds. */
        readonly until: number;
        /** Ids of its attachments. */
        readonly taken: readonly string[];
      }
  );

export interface PartId {
  readonly connectionId: string;
  /** API Gateway's id of the message: the same frame handed over twice is one part. */
  readonly id: string;
  /** Milliseconds since the epoch by API Gateway's clock: when it received the frame. */
  readonly at: number;
}
