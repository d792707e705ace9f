import { describe, expect, test } from "@jest/globals";
import { decide, matches } from "../../../infra/local/iam/decide.ts";
import { AuthError, authErrorResponse } from "../../../infra/local/iam/errors.ts";
import { createIam } from "../../../infra/local/iam/iam.ts";
import { sign, type WireRequest } from "../../../infra/local/iam/sigv4.ts";
import type { PolicyCondition, PolicyStatement } from "../../../infra/local/model.ts";

const allow = (actions: string[], resources: string[]): PolicyStatement => ({
  effect: "Allow",
  actions,
  resources,
});

describe("a decision", () => {
  test.each([
    ["the very action and resource", allow(["dynamodb:Query"], ["arn:t"]), "dynamodb:Query", "arn:t", true],
    ["another action", allow(["dynamodb:Query"], ["arn:t"]), "dynamodb:Scan", "arn:t", false],
    ["another resource", allow(["dynamodb:Query"], ["arn:t"]), "dynamodb:Query", "arn:tt", false],
    ["an action in another case", allow(["DynamoDB:query"], ["arn:t"]), "dynamodb:Query", "arn:t", true],
    ["a resource in another case", allow(["dynamodb:Query"], ["arn:T"]), "dynamodb:Query", "arn:t", false],
    ["a prefix of actions", allow(["dynamodb:*Item"], ["*"]), "dynamodb:BatchGetItem", "arn:t", true],
    [
      "a wildcard across slashes",
      allow(["*"], ["arn:api/*/@connections/*"]),
      "a:b",
      "arn:api/x/POST/@connections/i=",
      true,
    ],
    ["one character", allow(["a:?b"], ["*"]), "a:b", "x", false],
  ])("on %s", (_name, statement, action, resource, allowed) => {
    expect(decide([statement], action, resource).allowed).toBe(allowed);
  });

  test("without statements is no, and says which action is missing", () => {
    expect(decide([], "s3:GetObject", "arn:x")).toEqual({
      allowed: false,
      reason: "because no identity-based policy allows the s3:GetObject action",
    });
  });

  test("an explicit deny wins, wherever it stands", () => {
    const deny: PolicyStatement = { effect: "Deny", actions: ["dynamodb:Delete*"], resources: ["*"] };
    const all = allow(["*"], ["*"]);
    expect(decide([all, deny], "dynamodb:DeleteItem", "t").allowed).toBe(false);
    expect(decide([deny, all], "dynamodb:DeleteItem", "t").reason).toContain("explicit deny");
    expect(decide([deny, all], "dynamodb:PutItem", "t").allowed).toBe(true);
  });

  describe("with a condition on the leading keys", () => {
    const only = (
      qualifier: PolicyCondition["qualifier"],
      operator: PolicyCondition["operator"],
      ...values: string[]
    ): PolicyStatement => ({
      ...allow(["dynamodb:*"], ["t"]),
      conditions: [{ qualifier, operator, key: "dynamodb:LeadingKeys", values }],
    });
    test.each([
      ["all are", only("ForAllValues", "StringLike", "I#*", "I~*"), ["I#a", "I~b"], true],
      ["one is not", only("ForAllValues", "StringLike", "I#*"), ["I#a", "C#b"], false],
      ["there are none", only("ForAllValues", "StringLike", "I#*"), undefined, true],
      ["none has to be", only("ForAnyValue", "StringLike", "I#*"), undefined, false],
      ["one has to be", only("ForAnyValue", "StringLike", "I#*"), ["C#b", "I#a"], true],
      ["it is the very one", only("ForAllValues", "StringEquals", "H"), ["H"], true],
      ["an asterisk is one", only("ForAllValues", "StringEquals", "I#*"), ["I#a"], false],
    ])("where %s", (_what, statement, keys, allowed) => {
      const context = keys && { "dynamodb:LeadingKeys": keys };
      expect(decide([statement], "dynamodb:GetItem", "t", context).allowed).toBe(allowed);
    });

    test("says what it was and what it may be", () => {
      const statement = only("ForAllValues", "StringLike", "I#*");
      const context = { "dynamodb:LeadingKeys": ["C#b"] };
      expect(decide([statement], "dynamodb:GetItem", "t", context).reason).toBe(
        "because no identity-based policy allows the dynamodb:GetItem action " +
          "(Allow dynamodb:* on t only where dynamodb:LeadingKeys is I#*; it is C#b)",
      );
    });

    test("a deny holds for those keys only", () => {
      const deny: PolicyStatement = { ...only("ForAnyValue", "StringEquals", "H"), effect: "Deny" };
      const all = allow(["*"], ["*"]);
      const ask = (key: string) =>
        decide([all, deny], "dynamodb:GetItem", "t", { "dynamodb:LeadingKeys": [key] }).allowed;
      expect([ask("H"), ask("I")]).toEqual([false, true]);
    });
  });

  test("patterns are no regular expressions, and backtrack", () => {
    expect(matches("a.c", "abc")).toBe(false);
    expect(matches("*ab*abc", "xababxabababc")).toBe(true);
    expect(matches("*ab*abc", "xababxababab")).toBe(false);
    expect(matches("**", "")).toBe(true);
    expect(matches("", "x")).toBe(false);
  });
});

describe("a signature", () => {
  const at = Date.parse("2026-01-02T03:04:05Z");
  const iam = createIam({ account: "000000000000", now: () => at });
  const credentials = iam.credentialsFor({ logicalId: "Fn", name: "stack-Fn", statements: [] });
  const request = (overrides: Partial<WireRequest> = {}): WireRequest => ({
    method: "POST",
    url: "/prod/%40connections/a%3D?b=2&a=1",
    headers: { host: "127.0.0.1:1", "content-type": "text/plain" },
    body: Buffer.from("hi"),
    ...overrides,
  });
  const signed = (time = at, overrides: Partial<WireRequest> = {}): WireRequest => {
    const plain = request(overrides);
    const extra = sign(plain, credentials, {
      region: "us-east-1",
      service: "execute-api",
      at: new Date(time),
    });
    return { ...plain, headers: { ...plain.headers, ...extra } };
  };

  test("names the function and the invocation that its worker runs", () => {
    credentials.runs("r-1");
    expect(iam.authenticate(signed())).toMatchObject({
      functionId: "Fn",
      functionName: "stack-Fn",
      accessKeyId: credentials.accessKeyId,
      requestId: "r-1",
    });
  });

  test.each([
    ["body", { body: Buffer.from("ho") }],
    ["path", { url: "/prod/%40connections/b%3D?b=2&a=1" }],
    ["query", { url: "/prod/%40connections/a%3D?b=3&a=1" }],
    ["method", { method: "DELETE" }],
  ])("does not hold for another %s", (_what, changed) => {
    const { headers } = signed();
    expect(() => iam.authenticate({ ...request(changed), headers })).toThrow(
      expect.objectContaining({ type: "InvalidSignatureException" }),
    );
  });

  test("does not hold for another header that was signed", () => {
    const good = signed();
    const bad = { ...good, headers: { ...good.headers, "content-type": "text/html" } };
    expect(() => iam.authenticate(bad)).toThrow("does not match the signature you provided");
  });

  test("is refused when it is more than five minutes off", () => {
    expect(iam.authenticate(signed(at - 299_000)).functionId).toBe("Fn");
    expect(() => iam.authenticate(signed(at - 301_000))).toThrow("Signature expired");
    expect(() => iam.authenticate(signed(at + 301_000))).toThrow("Signature expired");
  });

  test.each([
    [undefined, "MissingAuthenticationTokenException"],
    ["Bearer x", "IncompleteSignatureException"],
    ["AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0", "IncompleteSignatureException"],
  ])("header %p is %s", (authorization, type) => {
    expect(() => iam.authenticate(request({ headers: { host: "h", authorization } }))).toThrow(
      expect.objectContaining({ type }),
    );
  });

  test("of AWS's own documented key derives the documented signing key", async () => {
    const { signingKey } = await import("../../../infra/local/iam/sigv4.ts");
    // @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
    const key = signingKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", {
      date: "20150830",
      region: "us-east-1",
      service: "iam",
    });
    expect(key.toString("hex")).toBe("c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
  });
});

describe("a refusal", () => {
  test("travels as each service says it", () => {
    const error = new AuthError("AccessDeniedException", "no");
    expect(authErrorResponse(error, "dynamodb")).toMatchObject({
      status: 400,
      body: '{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}',
    });
    expect(authErrorResponse(error, "execute-api")).toMatchObject({
      status: 403,
      headers: { "x-amzn-errortype": "AccessDeniedException" },
    });
  });
});
