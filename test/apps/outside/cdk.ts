/** A CDK app of a user's: the API, and a scheduled function beside it that emits. */
import { fileURLToPath } from "node:url";
import { App, Duration } from "aws-cdk-lib";
import { Rule, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as Target } from "aws-cdk-lib/aws-events-targets";
import { Architecture, Function as LambdaFunction, Runtime } from "aws-cdk-lib/aws-lambda";
import { bundleCode } from "../../../infra/constructs/bundle.ts";
import { SkysocketStack } from "../../../infra/stack.ts";

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const app = new App();
const entry = fileOf("app.ts");
const stack = new SkysocketStack(app, "Skysocket", { analyticsReporting: false, api: { entry } });
const scheduled = new LambdaFunction(stack, "Scheduled", {
  code: bundleCode({ entry: fileOf("schedule.ts"), app: entry, sourceMap: false, required: true }),
  handler: "index.handler",
  runtime: Runtime.NODEJS_24_X,
  architecture: Architecture.ARM_64,
  timeout: Duration.seconds(30),
});
stack.api.grantEmit(scheduled);
stack.api.grantEmitToInboxes(scheduled);
stack.api.grantManageSockets(scheduled);
new Rule(stack, "Schedule", {
  schedule: Schedule.rate(Duration.minutes(1)),
  targets: [new Target(scheduled)],
});
app.synth();
