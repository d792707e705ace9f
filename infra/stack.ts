import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { SkysocketApi, type SkysocketApiProps } from "./constructs/index.ts";

export interface SkysocketStackProps extends StackProps {
  /** Of the one API in the stack. */
  readonly api: SkysocketApiProps;
}

/** One application on its own: the API, and what a person needs to connect to it as outputs. */
export class SkysocketStack extends Stack {
  readonly api: SkysocketApi;

  constructor(scope: Construct, id: string, props: SkysocketStackProps) {
    super(scope, id, props);
    this.api = new SkysocketApi(this, "Realtime", props.api);
    new CfnOutput(this, "Url", { value: this.api.url, description: "Where clients connect" });
    new CfnOutput(this, "Client", {
      value: this.api.clientSnippet,
      description: "How a socket.io-client connects",
    });
  }
}
