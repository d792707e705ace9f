import { type Duration, type RemovalPolicy, Stack } from "aws-cdk-lib";
import type { IWebSocketApi, WebSocketStage } from "aws-cdk-lib/aws-apigatewayv2";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { Policy, type PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  type FunctionOptions,
  Function as LambdaFunction,
  LoggingFormat,
  type RecursiveLoop,
  Runtime,
} from "aws-cdk-lib/aws-lambda";
import { type ILogGroup, LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { codeFile } from "../package-files.ts";
import { bundleCode } from "./bundle.ts";
import { failsTo } from "./failed-tasks.ts";

/** What the functions get of the construct around them. */
export interface PostingProps {
  readonly table: Table;
  readonly api: IWebSocketApi;
  readonly stage: WebSocketStage;
  /** Absolute path of the application, which bundling wants to know. */
  readonly app: string;
  readonly sourceMap: boolean;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
  readonly failedTasks: IQueue;
  /** How many of it run at once at most. */
  readonly reservedConcurrency: number | undefined;
}

interface PostingFunction {
  /** Begins the names of what is made, where the scope holds more than this function. */
  readonly name?: string;
  /** Of the function, below the package. */
  readonly entry: string;
  readonly rights: (logGroup: ILogGroup) => PolicyStatement[];
  readonly memorySize: number;
  readonly timeout: Duration;
  readonly asyncInvoke: Pick<FunctionOptions, "retryAttempts" | "maxEventAge">;
  readonly recursiveLoop?: RecursiveLoop;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A function that posts and reads the table: its log, its role with just these rights, and itself. */
export function postingFunction(
  scope: Construct,
  { table, stage, app, sourceMap, logRetention, removalPolicy, ...props }: PostingProps,
  { name = "", entry, rights, asyncInvoke, environment, ...options }: PostingFunction,
): { readonly fn: LambdaFunction; readonly role: Role } {
  const logGroup = new LogGroup(scope, `${name}Logs`, { retention: logRetention, removalPolicy });
  const role = new Role(scope, `${name}Role`, { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
  const policy = new Policy(scope, `${name}Rights`, { roles: [role], statements: rights(logGroup) });
  const fn = new LambdaFunction(scope, name || "Function", {
    code: bundleCode({
      entry: codeFile(entry),
      app,
      sourceMap,
      required: Stack.of(scope).bundlingRequired,
    }),
    handler: "index.handler",
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    role,
    logGroup,
    loggingFormat: LoggingFormat.TEXT,
    ...options,
    ...asyncInvoke,
    ...failsTo(props.failedTasks),
    ...(props.reservedConcurrency !== undefined && {
      reservedConcurrentExecutions: props.reservedConcurrency,
    }),
    environment: {
      TABLE_NAME: table.tableName,
      CALLBACK_URL: stage.callbackUrl,
      ...environment,
      ...(sourceMap && { NODE_OPTIONS: "--enable-source-maps" }),
    },
  });
  // New code may need a new right: the right comes first.
  fn.node.addDependency(policy);
  return { fn, role };
}
