import { ArnFormat, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { PassthroughBehavior } from "aws-cdk-lib/aws-apigatewayv2";
import { WebSocketAwsIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { type Alarm, ComparisonOperator, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { Policy, type PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { EventSourceMapping, type IFunction } from "aws-cdk-lib/aws-lambda";
import {
  DeduplicationScope,
  FifoThroughputLimit,
  Queue,
  QueueEncryption,
  type QueueProps,
} from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { lineGrants, lineSendGrants } from "./grants.ts";
import { DISCONNECT_TEMPLATE, MESSAGE_TEMPLATE } from "./line-templates.ts";

/**
 * An instance that dies keeps its clients' frames from everyone for this long. Lambda demands no less than the function's timeout,
 * and AWS advises six times as much, so that no second invocation gets what the first still works on: here the function ends before
 * that.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
const VISIBILITY = Duration.seconds(30);

/** A client whose frame has waited this long is not there any more: its connection would not have been pinged. */
const RETENTION = Duration.minutes(15);

/** A long weekend, to look at what the application could not take. */
const DEAD_LETTER_RETENTION = Duration.days(4);

/** A throttled invocation counts as a receive, so few would lose frames to a busy account. */
const RECEIVES = 20;

/** As many as a FIFO queue hands out at once. */
const BATCH = 10;

/** Of both queues. High throughput is 300 sends a second for each group, and for the queue as many as there are groups. */
const FIFO: QueueProps = {
  fifo: true,
  fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
  deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
  encryption: QueueEncryption.SQS_MANAGED,
  enforceSSL: true,
};

/** Between API Gateway and the socket function: the frames of each connection, in order. */
export class Line extends Construct {
  readonly queue: Queue;
  /** Gets the frames that no invocation could take. */
  readonly deadLetters: Queue;
  /** Goes off when there are dead letters. It tells nobody yet: add an action. */
  readonly alarm: Alarm;
  readonly #gatewayRole: Role;

  /** @param removalPolicy of the dead letters. What is in line is worth nothing without the function. */
  constructor(scope: Construct, id: string, { removalPolicy }: { readonly removalPolicy: RemovalPolicy }) {
    super(scope, id);
    this.deadLetters = new Queue(this, "DeadLetters", {
      ...FIFO,
      retentionPeriod: DEAD_LETTER_RETENTION,
      removalPolicy,
    });
    this.queue = new Queue(this, "Queue", {
      ...FIFO,
      visibilityTimeout: VISIBILITY,
      retentionPeriod: RETENTION,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: RECEIVES },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.alarm = this.deadLetters
      .metricApproximateNumberOfMessagesVisible({ statistic: "Maximum", period: Duration.minutes(1) })
      .createAlarm(this, "Alarm", {
        alarmDescription: "Frames of clients that no invocation of the socket function could take",
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        threshold: 0,
        evaluationPeriods: 1,
        treatMissingData: TreatMissingData.NOT_BREACHING,
      });
    this.#gatewayRole = new Role(this, "GatewayRole", {
      assumedBy: new ServicePrincipal("apigateway.amazonaws.com"),
    });
    new Policy(this, "GatewayRights", {
      roles: [this.#gatewayRole],
      statements: lineSendGrants(this.queue),
    });
  }

  /** Of the socket function: taking what is in line, putting ends of connections into it, and giving up what it dies of. */
  grants(): PolicyStatement[] {
    return lineGrants(this.queue, this.deadLetters);
  }

  /** Of the socket function. */
  environment(): Record<string, string> {
    return { LINE_QUEUE_URL: this.queue.queueUrl, LINE_DEAD_LETTERS_URL: this.deadLetters.queueUrl };
  }

  /** Has Lambda invoke a function with what is in line. It has {@link grants} before it is there: Lambda looks at once. */
  feed(target: IFunction): void {
    new EventSourceMapping(this, "Mapping", {
      target,
      eventSourceArn: this.queue.queueArn,
      batchSize: BATCH,
      reportBatchItemFailures: true,
    });
  }

  /** Of `$default`. */
  messageIntegration(): WebSocketAwsIntegration {
    return this.#integration("Message", MESSAGE_TEMPLATE);
  }

  /** Of `$disconnect`. */
  disconnectIntegration(): WebSocketAwsIntegration {
    return this.#integration("Disconnect", DISCONNECT_TEMPLATE);
  }

  #integration(id: string, template: string): WebSocketAwsIntegration {
    const stack = Stack.of(this);
    return new WebSocketAwsIntegration(id, {
      integrationUri: stack.formatArn({
        service: "apigateway",
        account: "sqs",
        resource: "path",
        resourceName: `${stack.account}/${this.queue.queueName}`,
        arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
      }),
      integrationMethod: "POST",
      credentialsRole: this.#gatewayRole,
      requestParameters: {
        "integration.request.header.Content-Type": "'application/x-www-form-urlencoded'",
      },
      // One template, whatever a frame looks like.
      templateSelectionExpression: "\\$default",
      requestTemplates: { $default: template },
      passthroughBehavior: PassthroughBehavior.NEVER,
    });
  }
}
