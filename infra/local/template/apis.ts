/** AWS::ApiGatewayV2::* of a template: WebSocket APIs. */
import type { ApiModel, RouteModel } from "../model.ts";
import { authorizerOf } from "./authorizers.ts";
import { TemplateError } from "./errors.ts";
import { type IntegrationContext, integrationOf } from "./integrations.ts";
import {
  type Node,
  onlyKnown,
  optionalBoolean,
  optionalNode,
  optionalNumber,
  optionalString,
  requiredString,
} from "./values.ts";

/** One model for each stage of each API. */
export function readApis(context: IntegrationContext): ApiModel[] {
  return context.resources
    .filter(({ type }) => type === "AWS::ApiGatewayV2::Stage")
    .map(({ properties: stage }) => {
      const apiId = requiredString(stage, "ApiId");
      const api = context.resources.find(
        ({ type, logicalId }) => type === "AWS::ApiGatewayV2::Api" && context.stack.ref(logicalId) === apiId,
      );
      if (api === undefined) {
        throw new TemplateError(`${stage.where}.ApiId`, `this template has no API "${apiId}"`);
      }
      checkApi(api.properties);
      return {
        logicalId: api.logicalId,
        apiId,
        stage: stageName(stage),
        routeSelectionExpression: requiredString(api.properties, "RouteSelectionExpression"),
        routes: routesOf(apiId, context),
        throttle: throttleOf(stage),
      };
    });
}

function checkApi(api: Node): void {
  onlyKnown(
    api,
    ["ProtocolType", "RouteSelectionExpression"],
    [
      "ApiKeySelectionExpression",
      "Description",
      "DisableSchemaValidation",
      "IpAddressType",
      "Name",
      "Tags",
      "Version",
    ],
  );
  const protocol = requiredString(api, "ProtocolType");
  if (protocol !== "WEBSOCKET") {
    throw new TemplateError(
      `${api.where}.ProtocolType`,
      `the local cloud runs WebSocket APIs only, got "${protocol}"`,
    );
  }
}

function stageName(stage: Node): string {
  onlyKnown(
    stage,
    ["ApiId", "AutoDeploy", "DefaultRouteSettings", "DeploymentId", "StageName"],
    ["AccessLogSettings", "Description", "Tags"],
  );
  if (optionalBoolean(stage, "AutoDeploy") !== true && optionalString(stage, "DeploymentId") === undefined) {
    throw new TemplateError(
      stage.where,
      "nothing is ever deployed to this stage: set AutoDeploy to true or give it a DeploymentId",
    );
  }
  return requiredString(stage, "StageName");
}

function throttleOf(stage: Node): ApiModel["throttle"] {
  const settings = optionalNode(stage, "DefaultRouteSettings");
  if (settings === undefined) return undefined;
  onlyKnown(
    settings,
    ["ThrottlingBurstLimit", "ThrottlingRateLimit"],
    ["DataTraceEnabled", "DetailedMetricsEnabled", "LoggingLevel"],
  );
  const ratePerSec = optionalNumber(settings, "ThrottlingRateLimit");
  const burst = optionalNumber(settings, "ThrottlingBurstLimit");
  if (ratePerSec === undefined && burst === undefined) return undefined;
  // The account's limits where the stage names one only.
  // @see https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
  return { ratePerSec: ratePerSec ?? 10_000, burst: burst ?? 5_000 };
}

function routesOf(apiId: string, context: IntegrationContext): RouteModel[] {
  return context.resources
    .filter(({ type, properties }) => type === "AWS::ApiGatewayV2::Route" && properties.value.ApiId === apiId)
    .map(({ logicalId, properties: route }) => {
      onlyKnown(
        route,
        [
          "ApiId",
          "AuthorizationType",
          "AuthorizerId",
          "RouteKey",
          "RouteResponseSelectionExpression",
          "Target",
        ],
        ["ApiKeyRequired", "OperationName"],
      );
      const authorizer = authorizerOf(route, context);
      if (optionalBoolean(route, "ApiKeyRequired") === true) {
        throw new TemplateError(`${route.where}.ApiKeyRequired`, "the local cloud runs no API keys");
      }
      const integration = integrationOf(route, context);
      const returnsResponse =
        optionalString(route, "RouteResponseSelectionExpression") === "$default" &&
        hasRouteResponse(context.stack.ref(logicalId), context);
      const routeKey = requiredString(route, "RouteKey");
      if (integration.kind === "sqs") checkOneWay(route, routeKey, returnsResponse);
      return { routeKey, integration, returnsResponse, ...(authorizer && { authorizer }) };
    });
}

function checkOneWay(route: Node, routeKey: string, returnsResponse: boolean): void {
  if (routeKey === "$connect") {
    throw new TemplateError(`${route.where}.Target`, "the local cloud asks functions alone who may connect");
  }
  if (!returnsResponse) return;
  throw new TemplateError(
    `${route.where}.RouteResponseSelectionExpression`,
    "the local cloud sends the answers of functions alone as route responses",
  );
}

function hasRouteResponse(routeId: string, { resources }: IntegrationContext): boolean {
  return resources.some(
    ({ type, properties }) =>
      type === "AWS::ApiGatewayV2::RouteResponse" &&
      properties.value.RouteId === routeId &&
      properties.value.RouteResponseKey === "$default",
  );
}
