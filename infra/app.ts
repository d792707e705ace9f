import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { PACKAGE_ROOT } from "./constructs/entry.ts";
import { SkysocketConfigError } from "./constructs/index.ts";
import { SkysocketStack } from "./stack.ts";

/**
 * The CDK app. Context: `-c app=FILE` the application module (absolute or relative to the working directory),
 * `-c routeResponses=true` answers events with route responses.
 */
function main(): void {
  const app = new App();
  const entry: unknown = app.node.tryGetContext("app") ?? join(PACKAGE_ROOT, "lambdas/app.ts");
  const routeResponses: unknown = app.node.tryGetContext("routeResponses");
  new SkysocketStack(app, "Skysocket", {
    description: "A Socket.IO server on API Gateway, Lambda and DynamoDB",
    // Without CDK's usage reporting the template is the same whoever synthesizes it: the CLI, a test or the local cloud.
    analyticsReporting: false,
    // `-c` gives strings, a context file gives JSON.
    api: { entry: String(entry), routeResponses: routeResponses === true || routeResponses === "true" },
  });
  app.synth();
}

try {
  main();
} catch (error) {
  if (!(error instanceof SkysocketConfigError)) throw error;
  // A mistake in the application is the user's to mend: our stack trace would only hide the message.
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
