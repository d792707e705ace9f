import { join } from "node:path";
import { Duration, type RemovalPolicy, Stack } from "aws-cdk-lib";
import type { IWebSocketApi, WebSocketStage } from "aws-cdk-lib/aws-apigatewayv2";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { Policy, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  type IFunction,
  Function as LambdaFunction,
  LoggingFormat,
  RecursiveLoop,
  Runtime,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { bundleCode } from "./bundle.ts";
import { PACKAGE_ROOT } from "./entry.ts";
import { fanOutGrants, fanOutInvokeGrants } from "./grants.ts";

/** A worker's part is its own for 55 s; Lambda tries one that failed again after a minute, which must find it free. */
const TIMEOUT = Duration.seconds(60);

/** Posts are CPU. At this size one worker posts about as fast as 64 posts of 15 ms at a time can be. */
const MEMORY_MIB = 1024;

/** Both retries of Lambda, one and two minutes later, fit into this age. After five minutes a worker posts nothing more. */
const ASYNC_INVOKE = { retryAttempts: 2, maxEventAge: Duration.minutes(5) };

export interface FanOutProps {
  readonly table: Table;
  readonly api: IWebSocketApi;
  readonly stage: WebSocketStage;
  /** Absolute path of the application, which bundling wants to know. */
  readonly app: string;
  readonly sourceMap: boolean;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
}

/** Workers that post one event to a part of a large room each. */
export class FanOut extends Construct {
  readonly function: LambdaFunction;
  readonly #role: Role;

  constructor(scope: Construct, id: string, props: FanOutProps) {
    super(scope, id);
    const { table, stage, sourceMap } = props;
    const logGroup = new LogGroup(this, "Logs", {
      retention: props.logRetention,
      removalPolicy: props.removalPolicy,
    });
    this.#role = new Role(this, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    const rights = new Policy(this, "Rights", {
      roles: [this.#role],
      statements: fanOutGrants({ ...props, logGroup }),
    });
    this.function = new LambdaFunction(this, "Function", {
      code: bundleCode({
        entry: join(PACKAGE_ROOT, "lambdas/fanout.ts"),
        app: props.app,
        sourceMap,
        required: Stack.of(this).bundlingRequired,
      }),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: MEMORY_MIB,
      timeout: TIMEOUT,
      role: this.#role,
      logGroup,
      loggingFormat: LoggingFormat.TEXT,
      // Workers hand on to workers; Lambda would stop such a chain after about 16 invocations.
      // https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
      recursiveLoop: RecursiveLoop.ALLOW,
      ...ASYNC_INVOKE,
      environment: {
        TABLE_NAME: table.tableName,
        CALLBACK_URL: stage.callbackUrl,
        ...(sourceMap && { NODE_OPTIONS: "--enable-source-maps" }),
      },
    });
    // New code may need a new right: the right comes first.
    this.function.node.addDependency(rights);
  }

  /** Apart from the other rights: this function is made before the socket function, which has its name. */
  allowInvoking(socketFunction: IFunction): void {
    new Policy(this, "Invokes", {
      roles: [this.#role],
      statements: fanOutInvokeGrants(this.function, socketFunction),
    });
  }
}
