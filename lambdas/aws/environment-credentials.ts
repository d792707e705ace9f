/**
 * What `infra/constructs/bundle.ts` puts in the place of `@aws-sdk/credential-provider-node`, the chain of all places where
 * credentials may be: in a function they are in its environment, and the code for the other places would be a third of what
 * an instance loads.
 */
export { fromEnv as defaultProvider } from "@aws-sdk/credential-provider-env";
