const { App, Stack } = require("aws-cdk-lib");
const { SkysocketApi } = require("skysocket/cdk");

const app = new App();
new SkysocketApi(new Stack(app, "CommonJS"), "Realtime", { entry: "commonjs/app.cjs", ordered: true });
app.synth();
