import { RemovalPolicy } from "aws-cdk-lib";
import { AccessLogFormat, CfnAccount } from "aws-cdk-lib/aws-apigateway";
import { type IAccessLogSettings, LogGroupLogDestination } from "aws-cdk-lib/aws-apigatewayv2";
import { ManagedPolicy, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";

export interface AccessLogProps {
  /**
   * How long CloudWatch keeps the lines.
   * @default - that of `logRetention`
   */
  readonly retention?: RetentionDays;

  /**
   * Makes the role with which API Gateway writes logs, and sets it for all APIs of the account in this Region. Needed once where
   * nobody has; without such a role a stage with an access log does not deploy ("CloudWatch Logs role ARN must be set in account
   * settings to enable logging"). It stays when the stack goes, since other APIs may log with it by then.
   * @default false
   */
  readonly setAccountRole?: boolean;
}

/**
 * What a line tells: who, when, which route, and how it ended. Nothing of what was said, and no query string, where tokens are.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
 */
const FIELDS = {
  requestId: "$context.requestId",
  requestTime: "$context.requestTime",
  routeKey: "$context.routeKey",
  eventType: "$context.eventType",
  connectionId: "$context.connectionId",
  sourceIp: "$context.identity.sourceIp",
  status: "$context.status",
  error: "$context.error.message",
  integrationStatus: "$context.integrationStatus",
  integrationError: "$context.integrationErrorMessage",
  integrationLatency: "$context.integrationLatency",
  authorizerError: "$context.authorizer.error",
};

/** A line for each connection, message and disconnection, in a log group of its own. */
export class AccessLog extends Construct {
  readonly settings: IAccessLogSettings;

  constructor(
    scope: Construct,
    id: string,
    {
      retention,
      setAccountRole = false,
      removalPolicy,
    }: AccessLogProps & { readonly retention: RetentionDays; readonly removalPolicy: RemovalPolicy },
  ) {
    super(scope, id);
    const logGroup = new LogGroup(this, "Logs", { retention, removalPolicy });
    this.settings = {
      destination: new LogGroupLogDestination(logGroup),
      format: AccessLogFormat.custom(JSON.stringify(FIELDS)),
    };
    if (setAccountRole) this.#setAccountRole();
  }

  #setAccountRole(): void {
    const role = new Role(this, "AccountRole", {
      assumedBy: new ServicePrincipal("apigateway.amazonaws.com"),
      managedPolicies: [
        ManagedPolicy.fromAwsManagedPolicyName("service-role/AmazonAPIGatewayPushToCloudWatchLogs"),
      ],
    });
    role.applyRemovalPolicy(RemovalPolicy.RETAIN);
    const account = new CfnAccount(this, "Account", { cloudWatchRoleArn: role.roleArn });
    account.applyRemovalPolicy(RemovalPolicy.RETAIN);
  }
}
