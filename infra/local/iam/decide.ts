/**
 * The decision of IAM for identity-based policies.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
import type { PolicyStatement } from "../model.ts";

export interface Decision {
  readonly allowed: boolean;
  /** Why, for people: the statement that decided, or that none did. */
  readonly reason: string;
}

/**
 * Whether `statements` allow `action` (`dynamodb:Query`) on `resource` (an ARN). An explicit Deny wins over any Allow;
 * without an Allow the answer is no.
 */
export function decide(statements: readonly PolicyStatement[], action: string, resource: string): Decision {
  const matching = statements.filter(
    (statement) =>
      statement.actions.some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())) &&
      statement.resources.some((pattern) => matches(pattern, resource)),
  );
  const deny = matching.find((statement) => statement.effect === "Deny");
  if (deny !== undefined) {
    return { allowed: false, reason: `with an explicit deny in an identity-based policy (${show(deny)})` };
  }
  const allow = matching.find((statement) => statement.effect === "Allow");
  if (allow !== undefined) return { allowed: true, reason: `allowed by ${show(allow)}` };
  return { allowed: false, reason: `because no identity-based policy allows the ${action} action` };
}

/**
 * IAM's wildcards: `*` is any run of characters, `/` and `:` included, `?` is exactly one. Case counts (actions are
 * compared in lower case by the caller, since IAM ignores their case).
 */
export function matches(pattern: string, text: string): boolean {
  // Two pointers instead of a RegExp: a policy is outside data, and its text must never become a pattern to escape.
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] === "*") {
      star = p++;
      resume = t;
    } else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

function show(statement: PolicyStatement): string {
  return `${statement.effect} ${statement.actions.join(", ")} on ${statement.resources.join(", ")}`;
}
