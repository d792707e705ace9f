import { join } from "node:path";
import { App } from "aws-cdk-lib";
import type { ThrottleSettings } from "aws-cdk-lib/aws-apigatewayv2";
import { SkysocketConfigError } from "./constructs/index.ts";
import { PACKAGE_ROOT } from "./package-files.ts";
import { SkysocketStack } from "./stack.ts";

/**
 * The CDK app. Context: `-c app=FILE` the application module (absolute or relative to the working directory),
 * `-c ordered=true|false` handles the events of a client one after the other or side by side, `-c routeResponses=true` answers events with route responses, `-c throttle=RATE,BURST` lets more requests through, or fewer.
 */
function main(): void {
  const app = new App();
  const entry: unknown = app.node.tryGetContext("app") ?? join(PACKAGE_ROOT, "lambdas/app.ts");
  const ordered: unknown = app.node.tryGetContext("ordered");
  const routeResponses: unknown = app.node.tryGetContext("routeResponses");
  const throttle: unknown = app.node.tryGetContext("throttle");
  new SkysocketStack(app, "Skysocket", {
    description: "A Socket.IO server on API Gateway, Lambda and DynamoDB",
    // Without CDK's usage reporting the template is the same whoever synthesizes it: the CLI, a test or the local cloud.
    analyticsReporting: false,
    // `-c` gives strings, a context file gives JSON.
    api: {
      entry: String(entry),
      ...(ordered !== undefined && { ordered: String(ordered) === "true" }),
      routeResponses: routeResponses === true || routeResponses === "true",
      ...(throttle !== undefined && { throttle: throttleOf(String(throttle)) }),
    },
  });
  app.synth();
}

function throttleOf(text: string): ThrottleSettings {
  const [rate, burst] = /^(\d+),(\d+)$/.exec(text)?.slice(1).map(Number) ?? [];
  if (rate !== undefined && burst !== undefined) return { rateLimit: rate, burstLimit: burst };
  throw new SkysocketConfigError(
    "THROTTLE_INVALID",
    `The context "throttle" takes requests a second and a burst, such as 1000,2000, but got "${text}".`,
  );
}

try {
  main();
} catch (error) {
  if (!(error instanceof SkysocketConfigError)) throw error;
  // A mistake in the application is the user's to mend: our stack trace would only hide the message.
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
