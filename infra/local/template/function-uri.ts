import type { FunctionModel } from "../model.ts";
import { TemplateError } from "./errors.ts";
import { type Node, requiredString } from "./values.ts";

/** The function that a URI of API Gateway's invokes. */
export function functionAt(node: Node, property: string, functions: readonly FunctionModel[]): FunctionModel {
  const uri = requiredString(node, property);
  const fn = functions.find(({ arn }) =>
    uri.endsWith(`:lambda:path/2015-03-31/functions/${arn}/invocations`),
  );
  if (fn !== undefined) return fn;
  throw new TemplateError(`${node.where}.${property}`, `this template has no function for "${uri}"`);
}
