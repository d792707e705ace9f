import type { ApiModel, RouteModel } from "../model.ts";

/** The route with this key, if the API has one. */
export function routeOf(api: ApiModel, routeKey: string): RouteModel | undefined {
  return api.routes.find((route) => route.routeKey === routeKey);
}

/** The function that a route invokes, if it does. */
export function functionIdOf(route: RouteModel | undefined): string | undefined {
  return route?.integration.kind === "lambda" ? route.integration.functionId : undefined;
}

const LIFECYCLE_KEYS = new Set(["$connect", "$disconnect"]);

/**
 * The route of a message: the value that the selection expression finds in its JSON body, else `$default`. Text that is
 * no JSON, an expression that finds nothing and a value that no route has all go to `$default`.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
 */
export function selectRoute(api: ApiModel, body: string): RouteModel | undefined {
  const selected = evaluate(api.routeSelectionExpression, body);
  const route = selected === undefined || LIFECYCLE_KEYS.has(selected) ? undefined : routeOf(api, selected);
  return route ?? routeOf(api, "$default");
}

/** Evaluates `$request.body.path.to.value`, also in the `${request.body.path}` notation. */
function evaluate(expression: string, body: string): string | undefined {
  const path = /^\$(?:\{request\.body\.([\w.-]+)\}|request\.body\.([\w.-]+))$/.exec(expression);
  const steps = (path?.[1] ?? path?.[2])?.split(".");
  if (steps === undefined) return undefined;
  let value = parse(body);
  for (const step of steps) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Object.getOwnPropertyDescriptor(value, step)?.value;
  }
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
