/** Who may assume a role: its AssumeRolePolicyDocument. */
import { TemplateError } from "./errors.ts";
import type { Resource, Stack } from "./stack.ts";
import { type Node, nodeList, onlyKnown, optionalNode, requiredString, stringList } from "./values.ts";

/**
 * Throws TemplateError unless a service may assume a role of this template. AWS finds that out with the first request.
 * @param where what names the role
 */
export function checkTrust(
  { roleArn, service, where }: { readonly roleArn: string; readonly service: string; readonly where: string },
  resources: readonly Resource[],
  stack: Stack,
): void {
  const role = resources.find(
    ({ type, logicalId }) => type === "AWS::IAM::Role" && stack.attribute(logicalId, "Arn") === roleArn,
  );
  const document = role && optionalNode(role.properties, "AssumeRolePolicyDocument");
  const trusted = document === undefined ? [] : nodeList(document, "Statement").flatMap(servicesOf);
  if (trusted.includes(service)) return;
  const allowed = trusted.length === 0 ? "nobody" : trusted.join(", ");
  throw new TemplateError(
    where,
    `${service} may not assume the role ${roleArn}; its AssumeRolePolicyDocument allows ${allowed}`,
  );
}

function servicesOf(statement: Node): string[] {
  onlyKnown(statement, ["Action", "Effect", "Principal"], ["Sid"]);
  if (requiredString(statement, "Effect") !== "Allow") {
    throw new TemplateError(`${statement.where}.Effect`, "the local cloud runs Allow only");
  }
  const principal = optionalNode(statement, "Principal");
  if (principal === undefined || !stringList(statement, "Action").includes("sts:AssumeRole")) return [];
  return stringList(principal, "Service");
}
