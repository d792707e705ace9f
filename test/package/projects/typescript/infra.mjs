import { App, Stack } from "aws-cdk-lib";
import { SkysocketApi } from "skysocket/cdk";

const app = new App();
new SkysocketApi(new Stack(app, "TypeScript"), "Realtime", { entry: "typescript/app.ts" });
app.synth();
