import { randomUUID } from "node:crypto";
import { isDisconnectReason } from "../../server/common/disconnect-reason.ts";
import type { ConnectionEnd } from "../../server/ending/ending.ts";
import type { Task } from "../../server/ports/tasks.ts";
import { isEndTarget } from "../lambda-event.ts";
import type { LineContext } from "./context.ts";
import { endBody, type LineMessage } from "./messages.ts";

/** How a connection ends whose end has come in its line. */
export interface EndInLine {
  readonly end: ConnectionEnd;
  readonly hops: number;
}

/** What a message of the kind `end` says in its body. */
export type EndBody = Pick<ConnectionEnd, "members" | "reason"> & Pick<EndInLine, "hops">;

/**
 * Ends of connections go into their lines, behind what their clients have sent: `disconnect` comes last. It rejects if SQS refuses
 * one: whoever has the task tries again, and an end can be done twice.
 */
export async function queueEnds(
  { line, ports: { clock } }: LineContext,
  { targets, reason, hops }: Extract<Task, { task: "end" }>,
): Promise<void> {
  const results = await Promise.allSettled(
    targets.map(({ connectionId, members }) => {
      const id = randomUUID();
      const body = endBody(connectionId, id, clock.now(), { members, reason, hops } satisfies EndBody);
      return line.send({ connectionId, id, body });
    }),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** Of a message of the kind `disconnect` or `end`. */
export function toEnd({ kind, connectionId, body }: LineMessage): EndInLine {
  const closed = { connectionId, members: [], reason: "transport close" } as const;
  // API Gateway has just said that it is closed.
  if (kind === "disconnect") return { end: { ...closed, close: false }, hops: 0 };
  const { members, reason: said, hops }: Partial<Record<string, unknown>> = Object(parsed(body));
  const target = { connectionId, members };
  const reason = String(said);
  return {
    end: {
      ...(isEndTarget(target) ? target : closed),
      reason: isDisconnectReason(reason) ? reason : closed.reason,
      close: true,
    },
    hops: typeof hops === "number" ? hops : 0,
  };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
