import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

/** What DynamoDB answers when a partition gets more than it takes. */
class Throttled extends Error {
  override readonly name = "ThrottlingException";
  readonly $fault = "client";
  readonly $metadata = { httpStatusCode: 400 };
}

const WRITES = /^DynamoDB_\d+\.(?:Put|Update|Delete)Item$/;

/**
 * Has a client's writes to each partition key end at so many a second, as a partition's do: 1,000 of them on AWS. Strictly, without the
 * bursts that DynamoDB often lets through.
 */
export class PartitionLimit {
  /** By partition key. */
  readonly accepted = new Map<string, number>();
  readonly throttled = new Map<string, number>();
  readonly #perSecond: number;
  readonly #free = new Map<string, { tokens: number; at: number }>();

  constructor(client: DynamoDBDocumentClient, perSecond: number) {
    this.#perSecond = perSecond;
    client.middlewareStack.add(
      (next) => async (args) => {
        const pk = partitionOf(args.request);
        if (pk !== undefined) this.#take(pk);
        return await next(args);
      },
      // Below the retries: each of them is a request of its own.
      { step: "deserialize", name: "partition limit", priority: "low" },
    );
  }

  /** Of all partitions whose keys begin so. */
  static count(of: ReadonlyMap<string, number>, begins: string): number {
    return [...of].reduce((sum, [pk, count]) => sum + (pk.startsWith(begins) ? count : 0), 0);
  }

  #take(pk: string): void {
    const now = performance.now();
    const { tokens, at } = this.#free.get(pk) ?? { tokens: 1, at: now };
    const there = Math.min(this.#perSecond / 10, tokens + ((now - at) * this.#perSecond) / 1_000);
    const taken = there >= 1;
    this.#free.set(pk, { tokens: taken ? there - 1 : there, at: now });
    const counts = taken ? this.accepted : this.throttled;
    counts.set(pk, (counts.get(pk) ?? 0) + 1);
    if (!taken) throw new Throttled("Throughput exceeds the current capacity of your table or index.");
  }
}

/** The partition that a request writes to; undefined for reads. */
function partitionOf(request: unknown): string | undefined {
  if (!isRecord(request) || !isRecord(request.headers)) return undefined;
  if (!WRITES.test(String(request.headers["x-amz-target"]))) return undefined;
  const { body } = request;
  const sent: unknown = JSON.parse(
    body instanceof Uint8Array ? new TextDecoder().decode(body) : String(body),
  );
  if (!isRecord(sent)) return undefined;
  const key = sent.Key ?? sent.Item;
  const pk = isRecord(key) ? key.pk : undefined;
  return isRecord(pk) ? String(pk.S) : undefined;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
