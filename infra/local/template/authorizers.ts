/** AWS::ApiGatewayV2::Authorizer of a template: Lambda REQUEST authorizers of WebSocket APIs. */
import type { AuthorizerModel, FunctionModel } from "../model.ts";
import { TemplateError } from "./errors.ts";
import { functionAt } from "./function-uri.ts";
import type { Resource, Stack } from "./stack.ts";
import {
  type Node,
  onlyKnown,
  optionalNumber,
  optionalString,
  requiredString,
  stringList,
} from "./values.ts";

interface Context {
  readonly resources: readonly Resource[];
  readonly stack: Stack;
  readonly functions: readonly FunctionModel[];
}

/** Undefined where everybody may use the route. */
export function authorizerOf(
  route: Node,
  { resources, stack, functions }: Context,
): AuthorizerModel | undefined {
  const type = optionalString(route, "AuthorizationType") ?? "NONE";
  if (type === "NONE") return undefined;
  if (type !== "CUSTOM") {
    throw new TemplateError(
      `${route.where}.AuthorizationType`,
      `the local cloud runs Lambda authorizers (CUSTOM) only, got "${type}"`,
    );
  }
  if (requiredString(route, "RouteKey") !== "$connect") {
    throw new TemplateError(`${route.where}.AuthorizerId`, "only $connect can have an authorizer");
  }
  const authorizerId = requiredString(route, "AuthorizerId");
  const authorizer = resources.find(
    (resource) =>
      resource.type === "AWS::ApiGatewayV2::Authorizer" && stack.ref(resource.logicalId) === authorizerId,
  )?.properties;
  if (authorizer === undefined) {
    throw new TemplateError(
      `${route.where}.AuthorizerId`,
      `this template has no authorizer "${authorizerId}"`,
    );
  }
  return readAuthorizer(authorizer, authorizerId, functions);
}

function readAuthorizer(
  authorizer: Node,
  authorizerId: string,
  functions: readonly FunctionModel[],
): AuthorizerModel {
  onlyKnown(
    authorizer,
    ["ApiId", "AuthorizerResultTtlInSeconds", "AuthorizerType", "AuthorizerUri", "IdentitySource"],
    ["Name"],
  );
  const type = requiredString(authorizer, "AuthorizerType");
  if (type !== "REQUEST") {
    throw new TemplateError(
      `${authorizer.where}.AuthorizerType`,
      `a WebSocket API takes REQUEST authorizers only, got "${type}"`,
    );
  }
  // "Supported only for HTTP API Lambda authorizers".
  // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-apigatewayv2-authorizer.html
  if (optionalNumber(authorizer, "AuthorizerResultTtlInSeconds")) {
    throw new TemplateError(
      `${authorizer.where}.AuthorizerResultTtlInSeconds`,
      "API Gateway caches no answers of a WebSocket API's authorizer: leave it out",
    );
  }
  return {
    authorizerId,
    functionId: functionAt(authorizer, "AuthorizerUri", functions).logicalId,
    identitySources: stringList(authorizer, "IdentitySource").map((source, index) => {
      const [, from, name] = /^route\.request\.(header|querystring)\.([\w.-]+)$/.exec(source) ?? [];
      if ((from === "header" || from === "querystring") && name !== undefined) return { from, name };
      throw new TemplateError(
        `${authorizer.where}.IdentitySource[${index}]`,
        `the local cloud reads route.request.header.NAME and route.request.querystring.NAME, got "${source}"`,
      );
    }),
  };
}
