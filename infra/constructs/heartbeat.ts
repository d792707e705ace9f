import { join } from "node:path";
import { Duration, type RemovalPolicy, Stack } from "aws-cdk-lib";
import type { IWebSocketApi, WebSocketStage } from "aws-cdk-lib/aws-apigatewayv2";
import {
  AttributeType,
  type GlobalSecondaryIndexProps,
  ProjectionType,
  type Table,
} from "aws-cdk-lib/aws-dynamodb";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as FunctionTarget } from "aws-cdk-lib/aws-events-targets";
import { Policy, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  type IFunction,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { bundleCode } from "./bundle.ts";
import { PACKAGE_ROOT } from "./entry.ts";
import { heartbeatGrants } from "./grants.ts";

/**
 * Connections by the minute in which they were made; no other item has the attribute. It holds what the heartbeat decides by,
 * no more: a change of anything in it is a write of its own.
 */
export const HEARTBEAT_INDEX: GlobalSecondaryIndexProps = {
  indexName: "heartbeat",
  partitionKey: { name: "beat", type: AttributeType.STRING },
  projectionType: ProjectionType.INCLUDE,
  nonKeyAttributes: ["v", "connectedAt", "bye", "byeAt", "expiresAt"],
};

/** What clients are told counts on it: a run ends within the minute after it began. */
const TIMEOUT = Duration.seconds(60);

/** Posts are CPU. How many connections a run can ping at this size is in docs/PERFORMANCE.md, under quotas. */
const MEMORY_MIB = 512;

/** The next run does the turns of one that failed or died as well: a retry would only get in its way. */
const NO_RETRY = { retryAttempts: 0, maxEventAge: Duration.minutes(1) };

export interface HeartbeatProps {
  /** With {@link HEARTBEAT_INDEX}. */
  readonly table: Table;
  readonly api: IWebSocketApi;
  readonly stage: WebSocketStage;
  /** Ends the connections that are found dead. */
  readonly socketFunction: IFunction;
  /** Absolute path of the application, which bundling wants to know. */
  readonly app: string;
  /** Whole minutes. */
  readonly pingInterval: Duration;
  readonly sourceMap: boolean;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** Pings each connection every some minutes, so that API Gateway does not find it idle, and finds the dead ones. */
export class Heartbeat extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: HeartbeatProps) {
    super(scope, id);
    const { table, stage, sourceMap } = props;
    const logGroup = new LogGroup(this, "Logs", {
      retention: props.logRetention,
      removalPolicy: props.removalPolicy,
    });
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    const rights = new Policy(this, "Rights", {
      roles: [role],
      statements: heartbeatGrants({ ...props, logGroup, index: HEARTBEAT_INDEX.indexName }),
    });
    this.function = new LambdaFunction(this, "Function", {
      code: bundleCode({
        entry: join(PACKAGE_ROOT, "lambdas/heartbeat.ts"),
        app: props.app,
        sourceMap,
        required: Stack.of(this).bundlingRequired,
      }),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: MEMORY_MIB,
      timeout: TIMEOUT,
      role,
      logGroup,
      loggingFormat: LoggingFormat.TEXT,
      ...NO_RETRY,
      environment: {
        TABLE_NAME: table.tableName,
        CALLBACK_URL: stage.callbackUrl,
        SOCKET_FUNCTION_NAME: props.socketFunction.functionName,
        PING_INTERVAL_MINUTES: String(props.pingInterval.toMinutes()),
        ...(sourceMap && { NODE_OPTIONS: "--enable-source-maps" }),
      },
    });
    // New code may need a new right: the right comes first.
    this.function.node.addDependency(rights);
    new Rule(this, "Schedule", {
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new FunctionTarget(this.function, NO_RETRY)],
    });
  }
}
