/** AWS::DynamoDB::Table and ::GlobalTable (CDK's TableV2) of a template. */
import type { TableModel } from "../model.ts";
import { TemplateError } from "./errors.ts";
import type { Resource, Stack } from "./stack.ts";
import { isRecord, type Node, onlyKnown, optionalBoolean, optionalNode, optionalString } from "./values.ts";

/** Properties that are CreateTable's own. */
const CREATE = [
  "AttributeDefinitions",
  "BillingMode",
  "GlobalSecondaryIndexes",
  "KeySchema",
  "LocalSecondaryIndexes",
  "ProvisionedThroughput",
];
/** Backups, encryption and insights; throughput limits of on-demand tables, which nobody reaches on a laptop. */
const HARMLESS = [
  "ContributorInsightsSpecification",
  "DeletionProtectionEnabled",
  "OnDemandThroughput",
  "PointInTimeRecoverySpecification",
  "ResourcePolicy",
  "SSESpecification",
  "TableClass",
  "Tags",
  "WarmThroughput",
  "WriteOnDemandThroughputSettings",
];

export function readTables(resources: readonly Resource[], stack: Stack): TableModel[] {
  return resources
    .filter(({ type }) => type === "AWS::DynamoDB::Table" || type === "AWS::DynamoDB::GlobalTable")
    .map(({ logicalId, properties }) => {
      onlyKnown(
        properties,
        [...CREATE, "Replicas", "TableName", "TimeToLiveSpecification"],
        // CDK's TableV2 declares a stream whenever there are replicas; what would read it is of a type that is refused.
        [...HARMLESS, "StreamSpecification"],
      );
      const name = stack.ref(logicalId);
      return {
        logicalId,
        name,
        arn: stack.attribute(logicalId, "Arn"),
        createTable: { ...creation(properties), TableName: name },
        ttlAttribute: ttlAttribute(properties),
      };
    });
}

function creation(properties: Node): Record<string, unknown> {
  const input: Record<string, unknown> = {};
  for (const key of CREATE) {
    if (properties.value[key] !== undefined) input[key] = properties.value[key];
  }
  const replicas = properties.value.Replicas;
  if (Array.isArray(replicas) && replicas.length > 1) {
    throw new TemplateError(
      `${properties.where}.Replicas`,
      `the local cloud is one region, got ${replicas.length} replicas`,
    );
  }
  for (const key of ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"]) {
    const indexes = input[key];
    if (!Array.isArray(indexes)) continue;
    input[key] = indexes.map((index: unknown) => (isRecord(index) ? indexCreation(index) : index));
  }
  return input;
}

/** Without what a table's properties know of an index but CreateTable on a laptop does not. */
function indexCreation(index: Record<string, unknown>): Record<string, unknown> {
  const { IndexName, KeySchema, Projection, ProvisionedThroughput } = index;
  const known: Record<string, unknown> = { IndexName, KeySchema, Projection, ProvisionedThroughput };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
}

function ttlAttribute(properties: Node): string | undefined {
  const ttl = optionalNode(properties, "TimeToLiveSpecification");
  return ttl && optionalBoolean(ttl, "Enabled") ? optionalString(ttl, "AttributeName") : undefined;
}
