/**
 * The decision of IAM for identity-based policies.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
import type { ConditionContext, PolicyCondition, PolicyStatement } from "../model.ts";

export interface Decision {
  readonly allowed: boolean;
  /** Why, for people: the statement that decided, or that none did. */
  readonly reason: string;
}

/**
 * Whether `statements` allow `action` (`dynamodb:Query`) on `resource` (an ARN). An explicit Deny wins over any Allow;
 * without an Allow the answer is no.
 * @param context what the request says to the keys of conditions
 */
export function decide(
  statements: readonly PolicyStatement[],
  action: string,
  resource: string,
  context: ConditionContext = {},
): Decision {
  const named = statements.filter(
    (statement) =>
      statement.actions.some((pattern) => matches(pattern.toLowerCase(), action.toLowerCase())) &&
      statement.resources.some((pattern) => matches(pattern, resource)),
  );
  const matching = named.filter(({ conditions = [] }) => conditions.every((one) => holds(one, context)));
  const deny = matching.find((statement) => statement.effect === "Deny");
  if (deny !== undefined) {
    return { allowed: false, reason: `with an explicit deny in an identity-based policy (${show(deny)})` };
  }
  const allow = matching.find((statement) => statement.effect === "Allow");
  if (allow !== undefined) return { allowed: true, reason: `allowed by ${show(allow)}` };
  const unmet = named.find((statement) => statement.effect === "Allow");
  const why = unmet ? ` (${show(unmet)} ${showUnmet(unmet, context)})` : "";
  return { allowed: false, reason: `because no identity-based policy allows the ${action} action${why}` };
}

/**
 * A request without any value passes "for all values", and fails "for any value".
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
function holds({ qualifier, operator, key, values }: PolicyCondition, context: ConditionContext): boolean {
  const isMet = (asked: string): boolean =>
    values.some((value) => (operator === "StringLike" ? matches(value, asked) : value === asked));
  const asked = context[key] ?? [];
  return qualifier === "ForAllValues" ? asked.every(isMet) : asked.some(isMet);
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

function showUnmet({ conditions = [] }: PolicyStatement, context: ConditionContext): string {
  const unmet = conditions.filter((one) => !holds(one, context));
  return unmet
    .map(({ key, values }) => `only where ${key} is ${values.join(", ")}; it is ${context[key]?.join(", ")}`)
    .join(" and ");
}
