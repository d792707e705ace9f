import { Duration, Names, RemovalPolicy, Stack } from "aws-cdk-lib";
import { WebSocketApi, WebSocketStage } from "aws-cdk-lib/aws-apigatewayv2";
import { WebSocketLambdaAuthorizer } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { WebSocketLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { AttributeType, BillingMode, Table } from "aws-cdk-lib/aws-dynamodb";
import { Policy, type PolicyStatement } from "aws-cdk-lib/aws-iam";
import { type Function as LambdaFunction, RecursiveLoop } from "aws-cdk-lib/aws-lambda";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { AccessLog } from "./access-log.ts";
import { resolveEntry } from "./entry.ts";
import { failedTasksQueue } from "./failed-tasks.ts";
import { FanOut } from "./fan-out.ts";
import {
  connectionGrants,
  emitGrants,
  failureGrants,
  fanOutStartGrants,
  inboxGrants,
  logGrants,
  type OutsideParts,
  selfInvokeGrants,
  socketGrants,
  tableGrants,
} from "./grants.ts";
import { HEARTBEAT_INDEX, Heartbeat } from "./heartbeat.ts";
import { warnOfMemory } from "./in-memory/warning.ts";
import { Line } from "./line.ts";
import { type PostingProps, postingFunction } from "./posting-function.ts";
import {
  checkPingInterval,
  checkStageName,
  concurrencyOf,
  DEFAULT_THROTTLE,
  orderedOf,
  type SkysocketApiProps,
} from "./props.ts";

export type { AccessLogProps } from "./access-log.ts";
export type { ConnectAuthorizer, SkysocketApiProps } from "./props.ts";

/**
 * API Gateway waits 29 s for an integration, which cannot be raised; then the client gets an error frame that is no Engine.IO
 * packet and cuts itself off. What a longer invocation did would reach nobody.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 */
const INTEGRATION_TIMEOUT = Duration.seconds(29);

/**
 * Of the tasks that the function sends itself, `end` (bury a connection) is idempotent and has to happen: both retries of
 * Lambda, one and two minutes later, fit into this age with three full runs. `open` (the first packet) is claimed once, so a
 * late retry does nothing.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
const ASYNC_INVOKE = { retryAttempts: 2, maxEventAge: Duration.minutes(5) };

/** A Socket.IO server: a WebSocket API, the function that runs the application, and the table that remembers. */
export class SkysocketApi extends Construct {
  readonly table: Table;
  readonly webSocketApi: WebSocketApi;
  readonly stage: WebSocketStage;
  /** Runs the application. Add environment variables and rights that the application needs to it. */
  readonly socketFunction: LambdaFunction;
  /** Posts an event for a large room to a part of it: as many run as it takes. */
  readonly fanOutFunction: LambdaFunction;
  /** Pings connections every minute, those whose turn it is. */
  readonly heartbeatFunction: LambdaFunction;
  /** Gets what these functions could not do, after all retries: a message here is worth an alarm. */
  readonly failedTasks: Queue;
  /** Through which frames come with `ordered`: the queue, its dead letters, and their alarm. */
  readonly line: Line | undefined;

  constructor(scope: Construct, id: string, props: SkysocketApiProps) {
    super(scope, id);
    const removalPolicy = props.removalPolicy ?? RemovalPolicy.RETAIN;
    const logRetention = props.logRetention ?? RetentionDays.ONE_MONTH;
    this.table = this.#table(removalPolicy, props.pointInTimeRecovery ?? true);
    this.webSocketApi = new WebSocketApi(this, "Api", {
      apiName: Names.uniqueResourceName(this, { maxLength: 128, separator: "-" }),
      // Only JSON bodies can match a route, and there is no route but $default for them to match.
      routeSelectionExpression: "$request.body.action",
    });
    const accessLog =
      props.accessLog &&
      new AccessLog(this, "AccessLog", { retention: logRetention, removalPolicy, ...props.accessLog });
    this.stage = new WebSocketStage(this, "Stage", {
      webSocketApi: this.webSocketApi,
      stageName: checkStageName(props.stageName ?? "prod"),
      autoDeploy: true,
      throttle: props.throttle ?? DEFAULT_THROTTLE,
      ...(accessLog && { accessLogSettings: accessLog.settings }),
    });
    // The role with which it logs has to be there first.
    if (accessLog) this.stage.node.addDependency(accessLog);
    this.failedTasks = failedTasksQueue(this, removalPolicy);
    const pingInterval = checkPingInterval(props.pingInterval ?? Duration.minutes(8));
    const concurrency = concurrencyOf(props);
    const shared = {
      table: this.table,
      api: this.webSocketApi,
      stage: this.stage,
      app: resolveEntry(props.entry),
      sourceMap: props.sourceMap ?? false,
      logRetention,
      removalPolicy,
      failedTasks: this.failedTasks,
    };
    const fanOut = new FanOut(this, "FanOut", { ...shared, reservedConcurrency: concurrency.fanOut });
    this.fanOutFunction = fanOut.function;
    this.line = orderedOf(props) ? new Line(this, "Line", { removalPolicy }) : undefined;
    this.socketFunction = this.#socketFunction(
      { ...shared, reservedConcurrency: concurrency.socket },
      props,
      pingInterval,
    );
    fanOut.allowInvoking(this.socketFunction);
    this.heartbeatFunction = new Heartbeat(this, "Heartbeat", {
      ...shared,
      reservedConcurrency: concurrency.heartbeat,
      socketFunction: this.socketFunction,
      pingInterval,
    }).function;
    this.#routes(props);
    if (Stack.of(this).bundlingRequired) warnOfMemory(this, shared.app);
  }

  /** Where clients connect: `wss://…` with the stage as its path. */
  get url(): string {
    return this.stage.url;
  }

  /** What a client calls to connect, as a line of JavaScript. */
  get clientSnippet(): string {
    const { region, urlSuffix } = Stack.of(this);
    const origin = `wss://${this.webSocketApi.apiId}.execute-api.${region}.${urlSuffix}`;
    return `io("${origin}", { path: "/${this.stage.stageName}", transports: ["websocket"], forceBase64: true })`;
  }

  /**
   * Lets another function emit to sockets and rooms: `connect(io)` of `skysocket/outside` finds in its environment what this puts
   * there. A function can emit to one API.
   */
  grantEmit(fn: LambdaFunction): void {
    this.#grant(fn, emitGrants);
  }

  /** Lets another function emit to inboxes, as {@link grantEmit} does for rooms. It can read nothing but inboxes. */
  grantEmitToInboxes(fn: LambdaFunction): void {
    this.#grant(fn, inboxGrants);
  }

  /**
   * Lets another function call `fetchSockets`, `socketsJoin`, `socketsLeave` and `disconnectSockets`, as {@link grantEmit} lets it
   * emit. It can then read what is known of every connection: kept headers of the handshake, `auth`, and `socket.data`.
   */
  grantManageSockets(fn: LambdaFunction): void {
    this.#grant(fn, socketGrants);
  }

  #grant(fn: LambdaFunction, rightsOf: (parts: OutsideParts) => PolicyStatement[]): void {
    const variables = {
      SKYSOCKET_TABLE_NAME: this.table.tableName,
      SKYSOCKET_CALLBACK_URL: this.stage.callbackUrl,
      SKYSOCKET_SOCKET_FUNCTION_NAME: this.socketFunction.functionName,
      SKYSOCKET_FAN_OUT_FUNCTION_NAME: this.fanOutFunction.functionName,
    };
    for (const [name, value] of Object.entries(variables)) fn.addEnvironment(name, value);
    for (const right of rightsOf({ ...this, api: this.webSocketApi })) fn.addToRolePolicy(right);
  }

  #table(removalPolicy: RemovalPolicy, pointInTimeRecoveryEnabled: boolean): Table {
    const table = new Table(this, "Table", {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      sortKey: { name: "sk", type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: "expiresAt",
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled },
      removalPolicy,
    });
    table.addGlobalSecondaryIndex(HEARTBEAT_INDEX);
    return table;
  }

  #socketFunction(shared: PostingProps, props: SkysocketApiProps, pingInterval: Duration): LambdaFunction {
    const { fn, role } = postingFunction(this, shared, {
      name: "Socket",
      entry: "lambdas/functions/socket.ts",
      rights: (logGroup) => [
        ...tableGrants(this.table),
        ...connectionGrants(this.webSocketApi, this.stage),
        ...logGrants(logGroup),
        ...fanOutStartGrants(this.fanOutFunction),
        ...failureGrants(this.failedTasks),
        ...(this.line?.grants() ?? []),
      ],
      memorySize: props.memorySize ?? 512,
      timeout: INTEGRATION_TIMEOUT,
      asyncInvoke: ASYNC_INVOKE,
      // In a mass disconnect, ends lead to ends; Lambda would stop such a chain after about 16 invocations.
      // https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
      recursiveLoop: RecursiveLoop.ALLOW,
      environment: {
        PING_INTERVAL_MINUTES: String(pingInterval.toMinutes()),
        FAN_OUT_FUNCTION_NAME: this.fanOutFunction.functionName,
        ...this.line?.environment(),
        ...(props.routeResponses && { ROUTE_RESPONSES: "1" }),
      },
    });
    // Apart from the other rights, since it names the function, which waits for those.
    new Policy(this, "SocketInvokesItself", { roles: [role], statements: selfInvokeGrants(fn) });
    this.line?.feed(fn);
    return fn;
  }

  #routes({ routeResponses = false, connectAuthorizer }: SkysocketApiProps): void {
    const integration = (id: string) =>
      new WebSocketLambdaIntegration(id, this.socketFunction, { timeout: INTEGRATION_TIMEOUT });
    const authorizer =
      connectAuthorizer &&
      new WebSocketLambdaAuthorizer("ConnectAuthorizer", connectAuthorizer.handler, {
        // CDK's own default is a header that no browser can send.
        identitySource: [...(connectAuthorizer.identitySource ?? [])],
      });
    this.webSocketApi.addRoute("$connect", {
      integration: integration("Connect"),
      ...(authorizer && { authorizer }),
    });
    this.webSocketApi.addRoute("$disconnect", {
      integration: this.line?.disconnectIntegration() ?? integration("Disconnect"),
    });
    this.webSocketApi.addRoute("$default", {
      integration: this.line?.messageIntegration() ?? integration("Message"),
      returnResponse: routeResponses,
    });
  }
}
