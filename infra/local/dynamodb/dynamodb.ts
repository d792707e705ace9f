/**
 * The emulated DynamoDB: real SDK clients call it, IAM is asked about each call, reads that are not consistent see the past,
 * and each call is metered as AWS would bill it. Behind it stores dynalite, or any other DynamoDB.
 *
 * Not emulated: expired items (TTL) stay until somebody deletes them, which AWS allows itself for days, too;
 * `ReturnConsumedCapacity` is answered by the engine, whose numbers are rougher than the meter's.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ttl-expired-items.html
 */
import { randomUUID } from "node:crypto";
import type { Faults } from "../faults.ts";
import { type HttpRequest, type HttpResponse, serve } from "../http.ts";
import { AuthError, authErrorResponse } from "../iam/errors.ts";
import type { Iam, SignedCaller } from "../iam/iam.ts";
import type { CloudListener, TableModel } from "../model.ts";
import { call, connect, type Engine, ensureTable, startEmbedded } from "./engine.ts";
import { isItem } from "./items.ts";
import { leadingKeysOf } from "./leading-keys.ts";
import { type Input, listOf, RefusedError, refuseUnknown, resourcesOf, tablesOf } from "./requests.ts";
import { StaleCopy } from "./stale-copy.ts";
import { Tables, type Units } from "./tables.ts";

export interface DynamoDbOptions {
  readonly tables: readonly TableModel[];
  readonly iam: Iam;
  readonly onEvent: CloudListener;
  /** What went wrong in the emulation itself. */
  readonly onError: (error: unknown) => void;
  /** URL of a DynamoDB to store in, whose only writer this is; tables that it lacks are created. @default an embedded one, empty */
  readonly endpoint?: string;
  /** How old an eventually consistent read is, in milliseconds. @default 50 */
  readonly staleMs?: number;
  /** Happen to the instances that call. @default none */
  readonly faults?: Faults;
  /** Milliseconds of a clock of which only differences count. @default performance.now */
  readonly now?: () => number;
}

export interface LocalDynamoDb {
  /** Where the SDK finds it: the value of `AWS_ENDPOINT_URL_DYNAMODB`. */
  readonly endpoint: string;
  /** Resolves when nothing listens any more; the embedded engine's data are gone then. */
  stop(): Promise<void>;
}

const DEFAULT_STALE_MS = 50;

/** Starts the emulated DynamoDB with the tables of the template. */
export async function createDynamoDb(options: DynamoDbOptions): Promise<LocalDynamoDb> {
  const engine =
    options.endpoint === undefined ? startEmbedded() : connect(options.endpoint, ownCredentials());
  const stale = new StaleCopy({
    tables: options.tables,
    ageMs: options.staleMs ?? DEFAULT_STALE_MS,
    now: options.now ?? (() => performance.now()),
    startEngine: startEmbedded,
  });
  const tables = new Tables(options.tables, engine, stale);
  for (const table of options.tables) {
    const created = await ensureTable(engine, table);
    if (!created) await takeOver(engine, table, tables);
  }
  const front = await serve((request) => handle(request, tables, options), options.onError, options.faults);
  return {
    endpoint: front.endpoint,
    async stop() {
      await front.close();
      await stale.close();
      await engine.close();
    },
  };
}

/** Of the person who started the local cloud; DynamoDB Local takes any that are letters and digits. */
function ownCredentials(): {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string | undefined;
} {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  return {
    accessKeyId: AWS_ACCESS_KEY_ID ?? "local",
    secretAccessKey: AWS_SECRET_ACCESS_KEY ?? "local",
    sessionToken: AWS_SESSION_TOKEN,
  };
}

/** Learns what a table of an earlier run holds. */
async function takeOver(engine: Engine, table: TableModel, tables: Tables): Promise<void> {
  let start: unknown;
  do {
    const page = await call(engine, "Scan", {
      TableName: table.name,
      ...(start !== undefined && { ExclusiveStartKey: start }),
    });
    for (const item of listOf(page.Items)) if (isItem(item)) tables.seed(table.name, item);
    start = page.LastEvaluatedKey;
  } while (start !== undefined);
}

async function handle(request: HttpRequest, tables: Tables, options: DynamoDbOptions): Promise<HttpResponse> {
  const target = request.headers["x-amz-target"];
  const operation = typeof target === "string" ? (/^DynamoDB_20120810\.(\w+)$/.exec(target)?.[1] ?? "") : "";
  if (request.method !== "POST" || operation === "") {
    return failure("com.amazon.coral.service#UnknownOperationException", "");
  }
  try {
    const caller = options.iam.authenticate(request);
    const input = parseInput(request.body);
    if (input === undefined) return failure("com.amazon.coral.service#SerializationException", "");
    refuseUnknown(operation, input);
    const [table] = options.tables;
    // Of any table: they are all of one account and region.
    const prefix = (table?.arn ?? "").replace(/table\/.*$/, "");
    for (const resource of resourcesOf(operation, input)) {
      const arn = `${prefix}${resource}`;
      const asked = options.tables.find((known) => arn === known.arn || arn.startsWith(`${known.arn}/`));
      const leadingKeys = leadingKeysOf(operation, input, asked);
      options.iam.authorize(
        caller,
        `dynamodb:${operation}`,
        arn,
        leadingKeys && { "dynamodb:LeadingKeys": leadingKeys },
      );
    }
    for (const name of tablesOf(operation, input)) {
      if (options.tables.some((known) => known.name === name)) continue;
      return failure(
        "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
        `Requested resource not found: Table: ${name} not found`,
      );
    }
    const { response, units } = await tables.run(operation, input, request.body);
    report(operation, caller, units, options.onEvent);
    return response;
  } catch (error) {
    if (error instanceof AuthError) return authErrorResponse(error, "dynamodb");
    if (error instanceof RefusedError) {
      return failure("com.amazon.coral.validate#ValidationException", error.message);
    }
    throw error;
  }
}

function report(
  operation: string,
  caller: SignedCaller,
  units: readonly Units[],
  onEvent: CloudListener,
): void {
  const { functionId, requestId } = caller;
  for (const each of units) {
    onEvent({ kind: "dynamodb", at: Date.now(), functionId, requestId, operation, ...each });
  }
}

function parseInput(body: Buffer): Input | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function failure(type: string, message: string): HttpResponse {
  return {
    status: 400,
    headers: { "content-type": "application/x-amz-json-1.0", "x-amzn-requestid": randomUUID() },
    body: JSON.stringify({ __type: type, message }),
  };
}
