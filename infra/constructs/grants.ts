import { ArnFormat, Stack } from "aws-cdk-lib";
import type { IWebSocketApi, IWebSocketStage } from "aws-cdk-lib/aws-apigatewayv2";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";

/**
 * Every right that a function gets, one statement each: the Sid says what it is for, and keeps CDK from merging statements,
 * so that a right can be found, and taken away in a test, by its name.
 */

/** What the store calls. No Scan (nothing of ours reads the whole table), no transactions, no table management. */
const TABLE_RIGHTS = {
  TableGetItem: "dynamodb:GetItem",
  TableBatchGetItem: "dynamodb:BatchGetItem",
  TableQuery: "dynamodb:Query",
  TablePutItem: "dynamodb:PutItem",
  TableUpdateItem: "dynamodb:UpdateItem",
  TableDeleteItem: "dynamodb:DeleteItem",
} as const;

/** Items of the table, and not its index: no event's way reads that. */
export function tableGrants(table: Table): PolicyStatement[] {
  return Object.entries(TABLE_RIGHTS).map(([sid, action]) => allow(sid, [action], table.tableArn));
}

/**
 * Posting to and closing connections of one stage. CDK's own `grantManageConnections` covers every stage, and
 * `grantManagementApiAccess` every method.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
 */
export function connectionGrants(api: IWebSocketApi, stage: IWebSocketStage): PolicyStatement[] {
  return [
    allow("ConnectionPost", ["execute-api:ManageConnections"], connectionsArn(api, stage, "POST")),
    allow("ConnectionDelete", ["execute-api:ManageConnections"], connectionsArn(api, stage, "DELETE")),
  ];
}

function connectionsArn(api: IWebSocketApi, stage: IWebSocketStage, method: "POST" | "DELETE"): string {
  return Stack.of(api).formatArn({
    service: "execute-api",
    resource: api.apiId,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    resourceName: `${stage.stageName}/${method}/@connections/*`,
  });
}

/** Writing to the function's own log group, and to no other: the managed AWSLambdaBasicExecutionRole allows every group. */
export function logGrants(logGroup: ILogGroup): PolicyStatement[] {
  return [allow("Logs", LOG_RIGHTS, logGroup.logGroupArn)];
}

const LOG_RIGHTS = ["logs:CreateLogStream", "logs:PutLogEvents"];

/** Lambda sends the events of a function that it has given up with the function's own role. */
export function failureGrants(failedTasks: IQueue): PolicyStatement[] {
  return [allow("FailedTasks", ["sqs:SendMessage"], failedTasks.queueArn)];
}

/** With the socket function's role Lambda reads what is in line; the function itself delays, deletes and adds messages. */
const LINE_RIGHTS = {
  LineReceive: "sqs:ReceiveMessage",
  LineDelete: "sqs:DeleteMessage",
  LineAttributes: "sqs:GetQueueAttributes",
  LineVisibility: "sqs:ChangeMessageVisibility",
  LineSend: "sqs:SendMessage",
} as const;

/** CDK's own `grantConsumeMessages` would also allow asking for the queue's URL, which the environment has. */
export function lineGrants(line: IQueue, deadLetters: IQueue): PolicyStatement[] {
  return [
    ...Object.entries(LINE_RIGHTS).map(([sid, action]) => allow(sid, [action], line.queueArn)),
    // A frame that its instance died of twice need not be received eighteen times more.
    allow("LineBury", ["sqs:SendMessage"], deadLetters.queueArn),
  ];
}

/** Of API Gateway. */
export function lineSendGrants(line: IQueue): PolicyStatement[] {
  return [allow("GatewayLineSend", ["sqs:SendMessage"], line.queueArn)];
}

/** Starting another invocation of itself. */
export function selfInvokeGrants(fn: IFunction): PolicyStatement[] {
  return [allow("InvokeSelf", ["lambda:InvokeFunction"], fn.functionArn)];
}

/** The partition of the one row that the heartbeat writes (lambdas/store/keys.ts). */
const TURNS_KEY = "H";

/**
 * Of the heartbeat: its index, the row that says which turns are done, whether a connection has a socket; pings, and tasks for the
 * socket function. It closes and deletes nothing itself.
 */
export function heartbeatGrants(of: {
  readonly table: Table;
  readonly index: string;
  readonly api: IWebSocketApi;
  readonly stage: IWebSocketStage;
  readonly socketFunction: IFunction;
  readonly logGroup: ILogGroup;
  readonly failedTasks: IQueue;
}): PolicyStatement[] {
  const { tableArn } = of.table;
  const posts = connectionsArn(of.api, of.stage, "POST");
  return [
    allow("HeartbeatQueryIndex", ["dynamodb:Query"], `${tableArn}/index/${of.index}`),
    onItems("HeartbeatQuery", "dynamodb:Query", tableArn, ["C"]),
    onKeys("HeartbeatUpdateItem", "dynamodb:UpdateItem", tableArn, {
      "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": [TURNS_KEY] },
    }),
    allow("HeartbeatPost", ["execute-api:ManageConnections"], posts),
    allow("HeartbeatInvokeSocket", ["lambda:InvokeFunction"], of.socketFunction.functionArn),
    allow("HeartbeatLogs", LOG_RIGHTS, of.logGroup.logGroupArn),
    allow("HeartbeatFailedTasks", ["sqs:SendMessage"], of.failedTasks.queueArn),
  ];
}

/**
 * Of the fan-out's workers: members and the rows of the fan-out, of logs and sessions; and posts. What calls other functions is
 * apart (below), since it names one that waits for these.
 */
export function fanOutGrants(of: {
  readonly table: Table;
  readonly api: IWebSocketApi;
  readonly stage: IWebSocketStage;
  readonly logGroup: ILogGroup;
  readonly failedTasks: IQueue;
}): PolicyStatement[] {
  const { tableArn } = of.table;
  const posts = connectionsArn(of.api, of.stage, "POST");
  return [
    allow("FanOutQuery", ["dynamodb:Query"], tableArn),
    allow("FanOutGetItem", ["dynamodb:GetItem"], tableArn),
    allow("FanOutUpdateItem", ["dynamodb:UpdateItem"], tableArn),
    allow("FanOutPost", ["execute-api:ManageConnections"], posts),
    allow("FanOutLogs", LOG_RIGHTS, of.logGroup.logGroupArn),
    allow("FanOutFailedTasks", ["sqs:SendMessage"], of.failedTasks.queueArn),
  ];
}

/** Workers hand on what is too much for them, and have the socket function end what they find gone. */
export function fanOutInvokeGrants(fanOut: IFunction, socketFunction: IFunction): PolicyStatement[] {
  return [
    allow("FanOutInvokeSelf", ["lambda:InvokeFunction"], fanOut.functionArn),
    allow("FanOutInvokeSocket", ["lambda:InvokeFunction"], socketFunction.functionArn),
  ];
}

/** Of the socket function: starting workers. */
export function fanOutStartGrants(fanOut: IFunction): PolicyStatement[] {
  return [allow("InvokeFanOut", ["lambda:InvokeFunction"], fanOut.functionArn)];
}

/** What a function elsewhere gets rights to. */
export interface OutsideParts {
  readonly table: Table;
  readonly api: IWebSocketApi;
  readonly stage: IWebSocketStage;
  readonly socketFunction: IFunction;
  readonly fanOutFunction: IFunction;
}

/**
 * Of a function elsewhere that emits to rooms: members; with recovery the log, sessions, and the rooms of a socket that has just
 * come back; questions and their answers; large rooms. It finds no connection of its own accord, and closes none.
 */
export function emitGrants(of: OutsideParts): PolicyStatement[] {
  const { tableArn } = of.table;
  return [
    onItems("EmitQuery", "dynamodb:Query", tableArn, ["E", "R"]),
    onItems("EmitGetItem", "dynamodb:GetItem", tableArn, ["A", "C", "F", "P"]),
    onItems("EmitPutItem", "dynamodb:PutItem", tableArn, ["F", "G", "L", "Q"]),
    onItems("EmitUpdateItem", "dynamodb:UpdateItem", tableArn, ["F", "G", "L", "P"]),
    ...postGrants("Emit", of),
    allow("EmitInvokeFanOut", ["lambda:InvokeFunction"], of.fanOutFunction.functionArn),
  ];
}

/** Of a function elsewhere that fills inboxes: inboxes, and nothing else of the table. */
export function inboxGrants(of: OutsideParts): PolicyStatement[] {
  const { tableArn } = of.table;
  return [
    onItems("InboxQuery", "dynamodb:Query", tableArn, ["I"]),
    onItems("InboxGetItem", "dynamodb:GetItem", tableArn, ["I"]),
    onItems("InboxPutItem", "dynamodb:PutItem", tableArn, ["I"]),
    onItems("InboxUpdateItem", "dynamodb:UpdateItem", tableArn, ["I"]),
    onItems("InboxDeleteItem", "dynamodb:DeleteItem", tableArn, ["I"]),
    ...postGrants("Inbox", of),
  ];
}

/**
 * Of a function elsewhere that looks at sockets, moves them between rooms and has them disconnected: members, connections, and what
 * sockets are told that are away. Connections hold the headers that are kept of the handshake, cookies among them if the application
 * says so, and `auth`. With recovery, joining and leaving read the log of the room, and members are held while a session is resumed.
 */
export function socketGrants({ table: { tableArn }, socketFunction }: OutsideParts): PolicyStatement[] {
  return [
    onItems("SocketsQuery", "dynamodb:Query", tableArn, ["E", "L", "R"]),
    onItems("SocketsGetItem", "dynamodb:GetItem", tableArn, ["C", "R"]),
    onItems("SocketsBatchGetItem", "dynamodb:BatchGetItem", tableArn, ["C", "U"]),
    onItems("SocketsPutItem", "dynamodb:PutItem", tableArn, ["D", "R"]),
    onItems("SocketsUpdateItem", "dynamodb:UpdateItem", tableArn, ["C", "R"]),
    onItems("SocketsDeleteItem", "dynamodb:DeleteItem", tableArn, ["R"]),
    allow("SocketsInvokeSocket", ["lambda:InvokeFunction"], socketFunction.functionArn),
  ];
}

/** To clients; and to hand over those that are gone. */
function postGrants(sid: string, { api, stage, socketFunction }: OutsideParts): PolicyStatement[] {
  return [
    allow(`${sid}ConnectionPost`, ["execute-api:ManageConnections"], connectionsArn(api, stage, "POST")),
    allow(`${sid}InvokeSocket`, ["lambda:InvokeFunction"], socketFunction.functionArn),
  ];
}

/**
 * A right to items of some kinds only: the letter with which a partition key begins (lambdas/store/keys.ts), before a name or
 * the hash of a long one.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
 */
function onItems(sid: string, action: string, tableArn: string, kinds: readonly ItemKind[]): PolicyStatement {
  const keys = kinds.flatMap((kind) => [`${kind}#*`, `${kind}~*`]);
  return onKeys(sid, action, tableArn, { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": keys } });
}

/** answer, connection, directive, everyone, fan-out, log of everyone, inbox, log, session, question, room, large `auth` */
type ItemKind = "A" | "C" | "D" | "E" | "F" | "G" | "I" | "L" | "P" | "Q" | "R" | "U";

function onKeys(
  sid: string,
  action: string,
  resource: string,
  conditions: Record<string, Record<string, readonly string[]>>,
): PolicyStatement {
  return new PolicyStatement({ sid, actions: [action], resources: [resource], conditions });
}

function allow(sid: string, actions: string[], resource: string): PolicyStatement {
  return new PolicyStatement({ sid, actions, resources: [resource] });
}
