/** A DynamoDB to store things in: dynalite inside this process, or one at a URL. */
import { Agent, request, Server } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { codeFile, IS_BUILT } from "../../package-files.ts";
import type { HttpResponse } from "../http.ts";
import { sign } from "../iam/sigv4.ts";
import type { TableModel } from "../model.ts";
import { isRecord } from "./items.ts";

export interface Engine {
  /** Sends one call as it is and gives the answer as it came. */
  send(operation: string, body: Uint8Array): Promise<HttpResponse>;
  close(): Promise<void>;
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** The answer of an engine when it is an error; for calls that the local cloud makes itself. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  /** Without the namespace: `ResourceNotFoundException`. */
  readonly type: string;

  constructor(operation: string, type: string, message: string) {
    super(`The DynamoDB that the local cloud stores in refused ${operation}: ${type}: ${message}`);
    this.type = type;
  }
}

/**
 * dynalite, empty and in memory. Its request listener is called directly: a call through a port costs as much again as what
 * dynalite does with it.
 */
export function startEmbedded(): Engine {
  // dynalite carries no types.
  const dynalite: unknown = createRequire(import.meta.url)(
    IS_BUILT ? codeFile("infra/local/dynamodb/dynalite.cjs") : "dynalite",
  );
  if (typeof dynalite !== "function") throw new Error("The package dynalite exports no function");
  const server: unknown = Reflect.apply(dynalite, undefined, [{ createTableMs: 0 }]);
  if (!(server instanceof Server)) throw new Error("dynalite() gave no HTTP server");
  return {
    send: async (operation, body) =>
      await new Promise<HttpResponse>((resolve) => {
        const incoming = Object.assign(Readable.from([body]), {
          method: "POST",
          url: "/",
          headers: {
            host: "localhost",
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": `DynamoDB_20120810.${operation}`,
            "x-amz-date": "20000101T000000Z",
            // dynalite wants to see a signature and does not verify it.
            authorization: "AWS4-HMAC-SHA256 Credential=local, SignedHeaders=host, Signature=local",
          },
        });
        server.emit("request", incoming, new DirectResponse(resolve));
      }),
    async close() {
      // It listens on nothing and holds nothing but memory.
    },
  };
}

/** The part of an HTTP response that dynalite writes. */
class DirectResponse {
  statusCode = 200;
  contentType: string | undefined;
  readonly #headers: Record<string, string> = {};
  readonly #resolve: (response: HttpResponse) => void;

  constructor(resolve: (response: HttpResponse) => void) {
    this.#resolve = resolve;
  }

  setHeader(name: string, value: unknown): void {
    const key = name.toLowerCase();
    if (KEPT_HEADERS.includes(key)) this.#headers[key] = String(value);
  }

  end(body: string | undefined): void {
    this.#resolve({ status: this.statusCode, headers: this.#headers, body: body ?? "" });
  }
}

/** What of an answer's headers the caller gets to see; the others are the connection's own. */
const KEPT_HEADERS: readonly string[] = ["content-type", "x-amz-crc32", "x-amzn-requestid"];

/**
 * The DynamoDB at `endpoint`. Every call is signed by the same `credentials`, whichever function made it: DynamoDB Local keeps
 * a database for each access key.
 */
export function connect(endpoint: string, credentials: Credentials, region = "us-east-1"): Engine {
  const url = new URL(endpoint);
  const secure = url.protocol === "https:";
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const send = async (operation: string, body: Uint8Array): Promise<HttpResponse> => {
    const headers = {
      host: url.host,
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": `DynamoDB_20120810.${operation}`,
      "content-length": String(body.byteLength),
    };
    const signature = sign({ method: "POST", url: "/", headers, body }, credentials, {
      region,
      service: "dynamodb",
      at: new Date(),
    });
    return await new Promise<HttpResponse>((resolve, reject) => {
      const options = { method: "POST", agent, headers: { ...headers, ...signature } };
      const outgoing = (secure ? requestHttps : request)(new URL("/", url), options, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () => {
          const kept: Record<string, string> = {};
          for (const name of KEPT_HEADERS) {
            const value = incoming.headers[name];
            if (typeof value === "string") kept[name] = value;
          }
          resolve({ status: incoming.statusCode ?? 500, headers: kept, body: Buffer.concat(chunks) });
        });
      });
      outgoing.on("error", (cause) => {
        reject(new Error(`No answer from the DynamoDB at ${endpoint}: ${cause.message}`, { cause }));
      });
      outgoing.end(body);
    });
  };
  return {
    send,
    async close() {
      agent.destroy();
    },
  };
}

/** A call of the local cloud's own; throws EngineError when it is refused. */
export async function call(
  engine: Engine,
  operation: string,
  input: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const response = await engine.send(operation, Buffer.from(JSON.stringify(input)));
  const output = parseBody(response.body);
  if (response.status === 200) return output;
  throw new EngineError(
    operation,
    errorType(output),
    String(output.message ?? output.Message ?? response.status),
  );
}

/** The JSON object of an answer; an empty one where there is none. */
export function parseBody(body: string | Uint8Array): Record<string, unknown> {
  const text = typeof body === "string" ? body : Buffer.from(body).toString();
  if (text === "") return {};
  const value: unknown = JSON.parse(text);
  return isRecord(value) ? value : {};
}

/** `ConditionalCheckFailedException` of `com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException`. */
export function errorType(output: Readonly<Record<string, unknown>>): string {
  return String(output.__type ?? "").replace(/^.*#/, "");
}

/** Creates the table unless it is there; true if it was created. Resolves when it can be used. */
export async function ensureTable(engine: Engine, table: TableModel): Promise<boolean> {
  let created = false;
  for (;;) {
    try {
      const { Table } = await call(engine, "DescribeTable", { TableName: table.name });
      if (isRecord(Table) && Table.TableStatus === "ACTIVE") return created;
      await pause(20);
    } catch (error) {
      if (!(error instanceof EngineError) || error.type !== "ResourceNotFoundException" || created)
        throw error;
      await call(engine, "CreateTable", table.createTable);
      created = true;
    }
  }
}
