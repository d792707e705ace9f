import type { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

/** One sending of one request. */
export interface Sent {
  /** Such as `UpdateItem`. */
  readonly operation: string;
  readonly body: unknown;
}

interface HttpRequestLike {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

function isHttpRequest(value: unknown): value is HttpRequestLike {
  return typeof value === "object" && value !== null && "headers" in value && "body" in value;
}

/** What the network does to the next sending of an operation. */
interface Loss {
  readonly operation: string;
  readonly of: "request" | "response";
  readonly meanwhile: () => Promise<void>;
}

/** Sits between the SDK's retries and the network: sees each sending, and can lose one. */
export class DynamoWire {
  #sent: Sent[] = [];
  #loss: Loss | undefined;

  constructor(client: DynamoDBDocumentClient) {
    client.middlewareStack.add(
      (next) => async (args) => {
        const operation = this.#record(args.request);
        const loss = this.#loss?.operation === operation ? this.#loss : undefined;
        if (loss === undefined) return next(args);
        this.#loss = undefined;
        if (loss.of === "response") await next(args);
        await loss.meanwhile();
        throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      },
      { step: "deserialize", name: "dynamoWire" },
    );
  }

  /**
   * DynamoDB gets and executes the next such request; the SDK learns nothing of it and sends it again.
   * @param meanwhile what happens before that
   */
  loseResponseOf(operation: string, meanwhile: () => Promise<void> = async () => {}): void {
    this.#loss = { operation, of: "response", meanwhile };
  }

  /**
   * The next such request does not reach DynamoDB; the SDK sends it again.
   * @param meanwhile what happens before that
   */
  loseRequestOf(operation: string, meanwhile: () => Promise<void> = async () => {}): void {
    this.#loss = { operation, of: "request", meanwhile };
  }

  /** Everything sent since the last call. */
  take(): readonly Sent[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  operations(): readonly string[] {
    return this.take().map(({ operation }) => operation);
  }

  #record(request: unknown): string | undefined {
    if (!isHttpRequest(request)) return undefined;
    const operation = request.headers["x-amz-target"]?.split(".")[1] ?? "";
    const { body: sent } = request;
    const text = sent instanceof Uint8Array ? new TextDecoder().decode(sent) : String(sent);
    const body: unknown = JSON.parse(text);
    this.#sent.push({ operation, body });
    return operation;
  }
}
