/** The floor of a cold start: the two AWS clients that such a function would begin with, and nothing else. */
import { ApiGatewayManagementApiClient } from "@aws-sdk/client-apigatewaymanagementapi";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

export const handler = [
  DynamoDBDocumentClient.from(new DynamoDBClient({})),
  new ApiGatewayManagementApiClient({ endpoint: "https://api.invalid/prod" }),
];
