import { describe, expect, test } from "@jest/globals";
import type { CloudEvent } from "../../../infra/local/model.ts";
import { isRecord } from "../../../infra/local/template/values.ts";

/** The page's own modules: no types come with them. */
const { Ways } = await import(new URL("../../../infra/local/page/ways.js", import.meta.url).href);

const functionId = "RealtimeSocket";
const queue = {
  kind: "sqs",
  at: 1,
  functionId,
  requestId: "",
  queue: "line.fifo",
  bytes: 10,
  requests: 1,
  fifo: true,
  failures: 0,
} as const;
const run = { kind: "lambda", at: 5, functionId, durationMs: 0, coldStart: false, outcome: "ok" } as const;

/** A frame, and the message that it becomes. */
const framed = (name: string): CloudEvent[] => [
  {
    kind: "gateway",
    at: 0,
    connectionId: "c",
    operation: "message",
    functionId: undefined,
    cause: `cause ${name}`,
    bytes: 10,
    status: 200,
    body: name,
  },
  { ...queue, functionId: "", requestId: `cause ${name}`, operation: "SendMessage", messageIds: [name] },
];

/** What the page would show, the newest first. */
function waysOf(events: readonly CloudEvent[]): Record<string, unknown>[] {
  const ways = new Ways();
  for (const event of events) ways.add(JSON.parse(JSON.stringify(event)));
  const latest: unknown[] = ways.latest;
  return latest.filter(isRecord).map(({ frame, others, run, steps, cost }) => ({
    frame: isRecord(frame) && frame.body,
    others,
    ran: run !== undefined,
    steps: Array.isArray(steps) ? steps.map((step) => step.operation) : [],
    cost: Math.round(Number(cost) * 1e8),
  }));
}

describe("ways of frames that go through a queue", () => {
  test("lead to the run of their batch, which has the cost of all of them", () => {
    const events: CloudEvent[] = [
      ...framed("one"),
      ...framed("two"),
      { ...queue, operation: "ReceiveMessage", messageIds: ["one", "two"] },
      { ...queue, requestId: "r", operation: "ChangeMessageVisibility", messageIds: ["one"] },
      { ...run, requestId: "r", trigger: "sqs.amazonaws.com", messageIds: ["one", "two"] },
      { ...queue, operation: "DeleteMessageBatch", messageIds: ["one", "two"] },
    ];
    expect(waysOf(events)).toEqual([
      {
        frame: "one",
        others: 1,
        ran: true,
        steps: [
          "SendMessage",
          "SendMessage",
          "ReceiveMessage",
          "ChangeMessageVisibility",
          "DeleteMessageBatch",
        ],
        // Two frames at 100, the run at 20, five requests to the queue at 50.
        cost: 470,
      },
    ]);
  });

  test("stay with their first run when they are delivered again", () => {
    const batch = { ...run, trigger: "sqs.amazonaws.com", messageIds: ["one"] };
    const ways = waysOf([...framed("one"), { ...batch, requestId: "r1" }, { ...batch, requestId: "r2" }]);
    expect(ways).toMatchObject([
      { frame: false, ran: true },
      { frame: "one", ran: true },
    ]);
  });

  test("polls that find nothing are no ways", () => {
    expect(waysOf([{ ...queue, operation: "EmptyReceive", messageIds: [] }])).toEqual([]);
  });
});
