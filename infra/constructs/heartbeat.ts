import { Duration } from "aws-cdk-lib";
import { AttributeType, type GlobalSecondaryIndexProps, ProjectionType } from "aws-cdk-lib/aws-dynamodb";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as FunctionTarget } from "aws-cdk-lib/aws-events-targets";
import type { IFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { heartbeatGrants } from "./grants.ts";
import { type PostingProps, postingFunction } from "./posting-function.ts";

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

/** The table has {@link HEARTBEAT_INDEX}. */
export interface HeartbeatProps extends PostingProps {
  /** Ends the connections that are found dead. */
  readonly socketFunction: IFunction;
  /** Whole minutes. */
  readonly pingInterval: Duration;
}

/** Pings each connection every some minutes, so that API Gateway does not find it idle, and finds the dead ones. */
export class Heartbeat extends Construct {
  readonly function: LambdaFunction;

  constructor(scope: Construct, id: string, props: HeartbeatProps) {
    super(scope, id);
    const { fn } = postingFunction(this, props, {
      entry: "lambdas/functions/heartbeat.ts",
      rights: (logGroup) => heartbeatGrants({ ...props, logGroup, index: HEARTBEAT_INDEX.indexName }),
      memorySize: MEMORY_MIB,
      timeout: TIMEOUT,
      asyncInvoke: NO_RETRY,
      environment: {
        SOCKET_FUNCTION_NAME: props.socketFunction.functionName,
        PING_INTERVAL_MINUTES: String(props.pingInterval.toMinutes()),
      },
    });
    this.function = fn;
    new Rule(this, "Schedule", {
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [new FunctionTarget(this.function, NO_RETRY)],
    });
  }
}
