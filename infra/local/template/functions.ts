/** AWS::Lambda::* of a template. */
import type { FunctionModel, PolicyStatement } from "../model.ts";
import { type Assembly, assetDirectory } from "./assembly.ts";
import { TemplateError } from "./errors.ts";
import type { Resource, Stack } from "./stack.ts";
import {
  type Node,
  onlyKnown,
  optionalNode,
  optionalNumber,
  optionalString,
  requiredString,
  stringMap,
} from "./values.ts";

const RUN = [
  "Code",
  "Environment",
  "FunctionName",
  "Handler",
  "LoggingConfig",
  "MemorySize",
  "ReservedConcurrentExecutions",
  "Role",
  "Runtime",
  "Timeout",
];
/** What makes no difference on one machine. RecursiveLoop: no loop is ever stopped here. */
const HARMLESS = [
  "Architectures",
  "Description",
  "EphemeralStorage",
  "PackageType",
  "RecursiveLoop",
  "Tags",
  "TracingConfig",
];

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-lambda-function.html */
const DEFAULT_TIMEOUT_SEC = 3;
const DEFAULT_MEMORY_MB = 128;
/** @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html */
const DEFAULT_ASYNC_RETRIES = 2;
const DEFAULT_ASYNC_MAX_AGE_SEC = 21_600;

type Permission = FunctionModel["permissions"][number];

export function readFunctions(
  resources: readonly Resource[],
  context: {
    readonly stack: Stack;
    readonly assembly: Assembly;
    readonly roles: ReadonlyMap<string, readonly PolicyStatement[]>;
  },
): FunctionModel[] {
  return resources
    .filter(({ type }) => type === "AWS::Lambda::Function")
    .map(({ logicalId, properties }) => {
      onlyKnown(properties, RUN, HARMLESS);
      const runtime = requiredString(properties, "Runtime");
      if (!runtime.startsWith("nodejs")) {
        throw new TemplateError(
          `${properties.where}.Runtime`,
          `the local cloud runs Node.js only, got "${runtime}"`,
        );
      }
      const name = context.stack.ref(logicalId);
      const arn = context.stack.attribute(logicalId, "Arn");
      const environment = optionalNode(properties, "Environment");
      const reservedConcurrency = optionalNumber(properties, "ReservedConcurrentExecutions");
      return {
        logicalId,
        name,
        arn,
        codeDir: codeDirectory(properties, context.assembly),
        handler: requiredString(properties, "Handler"),
        environment: stringMap(environment && optionalNode(environment, "Variables")),
        timeoutSec: optionalNumber(properties, "Timeout") ?? DEFAULT_TIMEOUT_SEC,
        memoryMb: optionalNumber(properties, "MemorySize") ?? DEFAULT_MEMORY_MB,
        ...(reservedConcurrency !== undefined && { reservedConcurrency }),
        statements: statementsOf(properties, context.roles),
        ...logGroupOf(properties),
        ...asyncSettings(resources, name, { arn, stack: context.stack }),
        permissions: permissionsOf(resources, name, arn),
      };
    });
}

function codeDirectory(properties: Node, assembly: Assembly): string {
  const code = optionalNode(properties, "Code");
  const key = code && optionalString(code, "S3Key");
  if (code === undefined || key === undefined) {
    throw new TemplateError(
      `${properties.where}.Code`,
      "the local cloud runs code that is an asset, got none",
    );
  }
  onlyKnown(code, ["S3Bucket", "S3Key"]);
  return assetDirectory(assembly, key, code.where);
}

function logGroupOf(properties: Node): Pick<FunctionModel, "logGroup"> {
  const config = optionalNode(properties, "LoggingConfig");
  const logGroup = config && optionalString(config, "LogGroup");
  return logGroup === undefined ? {} : { logGroup };
}

function statementsOf(
  properties: Node,
  roles: ReadonlyMap<string, readonly PolicyStatement[]>,
): readonly PolicyStatement[] {
  const role = requiredString(properties, "Role");
  const statements = roles.get(role);
  if (statements !== undefined) return statements;
  throw new TemplateError(
    `${properties.where}.Role`,
    `this template has no role ${role}, so what it allows is unknown`,
  );
}

function asyncSettings(
  resources: readonly Resource[],
  name: string,
  { arn, stack }: { readonly arn: string; readonly stack: Stack },
): Pick<FunctionModel, "asyncRetries" | "asyncMaxAgeSec" | "onFailure"> {
  const config = resources.find(
    ({ type, properties }) =>
      type === "AWS::Lambda::EventInvokeConfig" &&
      [name, arn].includes(requiredString(properties, "FunctionName")),
  )?.properties;
  if (config === undefined) {
    return { asyncRetries: DEFAULT_ASYNC_RETRIES, asyncMaxAgeSec: DEFAULT_ASYNC_MAX_AGE_SEC };
  }
  onlyKnown(
    config,
    ["DestinationConfig", "FunctionName", "MaximumRetryAttempts", "MaximumEventAgeInSeconds"],
    ["Qualifier"],
  );
  return {
    asyncRetries: optionalNumber(config, "MaximumRetryAttempts") ?? DEFAULT_ASYNC_RETRIES,
    asyncMaxAgeSec: optionalNumber(config, "MaximumEventAgeInSeconds") ?? DEFAULT_ASYNC_MAX_AGE_SEC,
    ...destinationOf(config, resources, stack),
  };
}

function destinationOf(
  config: Node,
  resources: readonly Resource[],
  stack: Stack,
): Pick<FunctionModel, "onFailure"> {
  const destinations = optionalNode(config, "DestinationConfig");
  if (destinations === undefined) return {};
  onlyKnown(destinations, ["OnFailure"]);
  const onFailure = optionalNode(destinations, "OnFailure");
  if (onFailure === undefined) return {};
  const destination = requiredString(onFailure, "Destination");
  const queue = resources.find(
    ({ type, logicalId }) => type === "AWS::SQS::Queue" && stack.attribute(logicalId, "Arn") === destination,
  );
  if (queue !== undefined) {
    if (!destination.endsWith(".fifo")) return { onFailure: destination };
    throw new TemplateError(
      `${onFailure.where}.Destination`,
      `Lambda sends failed events to standard queues only, got "${destination}"`,
    );
  }
  throw new TemplateError(
    `${onFailure.where}.Destination`,
    `the local cloud sends failed events to queues of this template only, got "${destination}"`,
  );
}

function permissionsOf(resources: readonly Resource[], name: string, arn: string): Permission[] {
  const found: Permission[] = [];
  for (const { type, properties } of resources) {
    if (type !== "AWS::Lambda::Permission") continue;
    onlyKnown(properties, ["Action", "FunctionName", "Principal", "SourceArn"], ["SourceAccount"]);
    if (![name, arn].includes(requiredString(properties, "FunctionName"))) continue;
    const action = requiredString(properties, "Action");
    if (action !== "lambda:InvokeFunction" && action !== "lambda:*") continue;
    const principal = requiredString(properties, "Principal");
    found.push({ principal, sourceArn: optionalString(properties, "SourceArn") });
  }
  return found;
}
