import { Duration } from "aws-cdk-lib";
import { Policy, type Role } from "aws-cdk-lib/aws-iam";
import { type IFunction, type Function as LambdaFunction, RecursiveLoop } from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { fanOutGrants, fanOutInvokeGrants } from "./grants.ts";
import { type PostingProps, postingFunction } from "./posting-function.ts";

/** A worker's part is its own for 55 s; Lambda tries one that failed again after a minute, which must find it free. */
const TIMEOUT = Duration.seconds(60);

/** Posts are CPU. At this size one worker posts about as fast as 64 posts of 15 ms at a time can be. */
const MEMORY_MIB = 1024;

/** Both retries of Lambda, one and two minutes later, fit into this age. After five minutes a worker posts nothing more. */
const ASYNC_INVOKE = { retryAttempts: 2, maxEventAge: Duration.minutes(5) };

/** Workers that post one event to a part of a large room each. */
export class FanOut extends Construct {
  readonly function: LambdaFunction;
  readonly #role: Role;

  constructor(scope: Construct, id: string, props: PostingProps) {
    super(scope, id);
    const { fn, role } = postingFunction(this, props, {
      entry: "lambdas/functions/fan-out.ts",
      rights: (logGroup) => fanOutGrants({ ...props, logGroup }),
      memorySize: MEMORY_MIB,
      timeout: TIMEOUT,
      // Workers hand on to workers; Lambda would stop such a chain after about 16 invocations.
      // https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
      recursiveLoop: RecursiveLoop.ALLOW,
      asyncInvoke: ASYNC_INVOKE,
    });
    this.function = fn;
    this.#role = role;
  }

  /** Apart from the other rights: this function is made before the socket function, which has its name. */
  allowInvoking(socketFunction: IFunction): void {
    new Policy(this, "Invokes", {
      roles: [this.#role],
      statements: fanOutInvokeGrants(this.function, socketFunction),
    });
  }
}
