import { ArnFormat, Stack } from "aws-cdk-lib";
import type { IWebSocketApi, IWebSocketStage } from "aws-cdk-lib/aws-apigatewayv2";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement } from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";

/**
 * Every right that a function gets, one statement each: the Sid says what it is for, and keeps CDK from merging statements,
 * so that a right can be found, and taken away in a test, by its name.
 */

/** What the store calls. No Scan (nothing of ours reads the whole table), no transactions, no table management. */
const TABLE_RIGHTS = {
  TableGetItem: "dynamodb:GetItem",
  TableBatchGetItem: "dynamodb:BatchGetItem",
  TableQuery: "dynamodb:Query",
  TablePutItem: "dynamodb:PutItem",
  TableUpdateItem: "dynamodb:UpdateItem",
  TableDeleteItem: "dynamodb:DeleteItem",
} as const;

/** Items of the table; no index has a right, since no event's way reads one. */
export function tableGrants(table: Table): PolicyStatement[] {
  return Object.entries(TABLE_RIGHTS).map(([sid, action]) => allow(sid, [action], table.tableArn));
}

/**
 * Posting to and closing connections of one stage. CDK's own `grantManageConnections` covers every stage, and
 * `grantManagementApiAccess` every method.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
 */
export function connectionGrants(api: IWebSocketApi, stage: IWebSocketStage): PolicyStatement[] {
  const connections = (method: string) =>
    Stack.of(api).formatArn({
      service: "execute-api",
      resource: api.apiId,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
      resourceName: `${stage.stageName}/${method}/@connections/*`,
    });
  return [
    allow("ConnectionPost", ["execute-api:ManageConnections"], connections("POST")),
    allow("ConnectionDelete", ["execute-api:ManageConnections"], connections("DELETE")),
  ];
}

/** Writing to the function's own log group, and to no other: the managed AWSLambdaBasicExecutionRole allows every group. */
export function logGrants(logGroup: ILogGroup): PolicyStatement[] {
  return [allow("Logs", ["logs:CreateLogStream", "logs:PutLogEvents"], logGroup.logGroupArn)];
}

/** Starting another invocation of itself. */
export function selfInvokeGrants(fn: IFunction): PolicyStatement[] {
  return [allow("InvokeSelf", ["lambda:InvokeFunction"], fn.functionArn)];
}

function allow(sid: string, actions: string[], resource: string): PolicyStatement {
  return new PolicyStatement({ sid, actions, resources: [resource] });
}
