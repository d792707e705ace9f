import type { Whole } from "../../protocol/packets.ts";

/** What has to be handled of what a client sends. */
export type Packet = Exclude<Whole, { kind: "nothing" }>;
