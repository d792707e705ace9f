/** A CDK app of a user's that has every brake on: an authorizer, reserved concurrency, a throttle, an access log. */
import { fileURLToPath } from "node:url";
import { App, Stack } from "aws-cdk-lib";
import { Architecture, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { bundleCode } from "../../../infra/constructs/bundle.ts";
import { SkysocketApi } from "../../../infra/constructs/index.ts";

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const app = new App();
const entry = fileOf("app.ts");
const stack = new Stack(app, "Skysocket", { analyticsReporting: false });
const guard = new LambdaFunction(stack, "Guard", {
  code: bundleCode({ entry: fileOf("guard.ts"), app: entry, sourceMap: false, required: true }),
  handler: "index.handler",
  runtime: Runtime.NODEJS_24_X,
  architecture: Architecture.ARM_64,
});
new SkysocketApi(stack, "Realtime", {
  entry,
  connectAuthorizer: { handler: guard, identitySource: ["route.request.querystring.token"] },
  reservedConcurrency: 20,
  fanOutReservedConcurrency: 20,
  throttle: { rateLimit: 50, burstLimit: 50 },
  accessLog: { setAccountRole: true },
});
app.synth();
