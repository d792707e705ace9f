// The seam of the bundle: infra/constructs/bundle.ts puts an import of this file in the place of the SDK's own, so that what
// only some operations of some services need is not loaded with DynamoDB's client, which has none.
export * from "@smithy/core/event-streams";
