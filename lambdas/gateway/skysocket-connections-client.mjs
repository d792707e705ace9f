// The seam of the bundle: infra/constructs/bundle.ts leaves imports of this file as they are and bundles it on its own, so
// that the SDK's client of API Gateway is loaded when a connection is to be closed.
export { connectionsClient } from "./connections-client.ts";
