/**
 * Identity of the local cloud: every worker of a function gets credentials of its own, every call to an emulated service is
 * traced back to them by its real signature, and checked against the policies of the function's role in the template.
 * A grant that is missing there fails here, with the action and the resource named, and not first in production.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Caller, ConditionContext, FunctionModel, PolicyStatement } from "../model.ts";
import { decide } from "./decide.ts";
import { AuthError } from "./errors.ts";
import { headerOf, payloadHash, type Scope, signatureOf, signingKey, type WireRequest } from "./sigv4.ts";

/** A Caller with what only its credentials tell. */
export interface SignedCaller extends Caller {
  readonly functionName: string;
  readonly accessKeyId: string;
  /** The invocation that this worker runs at the moment of the call; "" between two invocations. */
  readonly requestId: string;
}

/** What a worker gets as `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. */
export interface WorkerCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** Says which invocation the worker runs from now on, so that its calls are booked on it. */
  runs(requestId: string): void;
  /** The worker is gone: its key means nothing any more. */
  revoke(): void;
}

/** A call that a policy refused. */
export interface Denial {
  readonly at: number;
  readonly functionId: string;
  readonly requestId: string;
  readonly action: string;
  readonly resource: string;
  /** The sentence that the caller got. */
  readonly message: string;
}

export interface Iam {
  /** New random credentials for one worker of `fn`, valid until revoked. */
  credentialsFor(fn: Pick<FunctionModel, "logicalId" | "name" | "statements">): WorkerCredentials;
  /** Whose request this is. Throws AuthError when it is not signed, or not by credentials of this cloud. */
  authenticate(request: WireRequest): SignedCaller;
  /** Returns when the caller's policies allow `action` on `resource` (an ARN); else throws AuthError, and tells `onDenied`. */
  authorize(
    caller: Caller & { readonly functionName?: string; readonly requestId?: string },
    action: string,
    resource: string,
    context?: ConditionContext,
  ): void;
  /** Decides as if this statement were in no policy, until the returned function is called. */
  withdraw(statement: PolicyStatement): () => void;
}

/**
 * How far a signature's time may be off.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html ("within five minutes of the time stamp")
 */
const MAX_SKEW_MS = 5 * 60_000;

interface Identity {
  readonly functionId: string;
  readonly functionName: string;
  readonly statements: Caller["statements"];
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly keys: Map<string, Buffer>;
  requestId: string;
}

export interface IamOptions {
  readonly account: string;
  readonly onDenied?: (denial: Denial) => void;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
}

/** The identity service of one boot of the local cloud. */
export function createIam({ account, onDenied, now = Date.now }: IamOptions): Iam {
  const identities = new Map<string, Identity>();
  const withdrawn = new Set<PolicyStatement>();
  return {
    credentialsFor: (fn) => issue(identities, fn),
    authenticate(request) {
      const accessKeyId = verify(identities, request, now());
      const identity = identities.get(accessKeyId);
      if (identity === undefined) throw unknownKey();
      const { functionId, functionName, statements, requestId } = identity;
      return { functionId, functionName, statements, accessKeyId, requestId };
    },
    authorize(caller, action, resource, context) {
      const statements = caller.statements.filter((statement) => !withdrawn.has(statement));
      const decision = decide(statements, action, resource, context);
      if (decision.allowed) return;
      const user = `arn:aws:sts::${account}:assumed-role/${caller.functionName ?? caller.functionId}`;
      const message = `User: ${user} is not authorized to perform: ${action} on resource: ${resource} ${decision.reason}`;
      const { functionId, requestId = "" } = caller;
      onDenied?.({ at: now(), functionId, requestId, action, resource, message });
      throw new AuthError("AccessDeniedException", message);
    },
    withdraw(statement) {
      withdrawn.add(statement);
      return () => withdrawn.delete(statement);
    },
  };
}

function issue(
  identities: Map<string, Identity>,
  fn: Pick<FunctionModel, "logicalId" | "name" | "statements">,
): WorkerCredentials {
  // "ASIA" marks temporary credentials, as a role's are; DynamoDB Local takes only letters and digits.
  const accessKeyId = `ASIA${randomBytes(8).toString("hex").toUpperCase()}`;
  const identity: Identity = {
    functionId: fn.logicalId,
    functionName: fn.name,
    statements: fn.statements,
    secretAccessKey: randomBytes(30).toString("base64url"),
    sessionToken: randomBytes(48).toString("base64url"),
    keys: new Map(),
    requestId: "",
  };
  identities.set(accessKeyId, identity);
  return {
    accessKeyId,
    secretAccessKey: identity.secretAccessKey,
    sessionToken: identity.sessionToken,
    runs(requestId) {
      identity.requestId = requestId;
    },
    revoke() {
      identities.delete(accessKeyId);
    },
  };
}

function unknownKey(): AuthError {
  return new AuthError(
    "UnrecognizedClientException",
    "The security token included in the request is invalid.",
  );
}

/** The access key that signed the request. */
function verify(identities: ReadonlyMap<string, Identity>, request: WireRequest, at: number): string {
  const { accessKeyId, scope, signedHeaders, signature } = parseAuthorization(request);
  const identity = identities.get(accessKeyId);
  if (identity === undefined) throw unknownKey();
  if (headerOf(request, "x-amz-security-token") !== identity.sessionToken) throw unknownKey();
  const amzDate = headerOf(request, "x-amz-date") ?? "";
  const signedAt = parseAmzDate(amzDate);
  if (Number.isNaN(signedAt) || Math.abs(at - signedAt) > MAX_SKEW_MS) {
    const here = new Date(at).toISOString();
    throw new AuthError(
      "InvalidSignatureException",
      `Signature expired: ${amzDate} is more than ${MAX_SKEW_MS / 60_000} minutes from ${here}`,
    );
  }
  const hash = payloadHash(request.body);
  const claimed = headerOf(request, "x-amz-content-sha256");
  const keyName = `${scope.date}/${scope.region}/${scope.service}`;
  const key = identity.keys.get(keyName) ?? signingKey(identity.secretAccessKey, scope);
  identity.keys.set(keyName, key);
  const expected = signatureOf(request, { key, scope, amzDate, signedHeaders, payloadHash: hash });
  if ((claimed !== undefined && claimed !== hash) || !sameText(expected, signature)) {
    throw new AuthError(
      "InvalidSignatureException",
      "The request signature we calculated does not match the signature you provided. " +
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    );
  }
  return accessKeyId;
}

interface Authorization {
  readonly accessKeyId: string;
  readonly scope: Scope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

function parseAuthorization(request: WireRequest): Authorization {
  const header = headerOf(request, "authorization");
  if (header === undefined || header === "") {
    throw new AuthError("MissingAuthenticationTokenException", "Request is missing Authentication Token");
  }
  const fields = new Map<string, string>();
  for (const field of header.replace(/^AWS4-HMAC-SHA256\s+/, "").split(/,\s*/)) {
    const cut = field.indexOf("=");
    fields.set(field.slice(0, cut), field.slice(cut + 1));
  }
  const [accessKeyId, date, region, service, terminator] = (fields.get("Credential") ?? "").split("/");
  const signedHeaders = fields.get("SignedHeaders")?.split(";") ?? [];
  const signature = fields.get("Signature") ?? "";
  const complete =
    header.startsWith("AWS4-HMAC-SHA256") && terminator === "aws4_request" && signedHeaders.includes("host");
  if (
    !complete ||
    accessKeyId === undefined ||
    date === undefined ||
    region === undefined ||
    service === undefined
  ) {
    throw new AuthError(
      "IncompleteSignatureException",
      "Authorization header needs AWS4-HMAC-SHA256 with Credential, SignedHeaders (host among them) and Signature, got: " +
        header.replace(/Signature=.*/, "Signature=…"),
    );
  }
  return { accessKeyId, scope: { date, region, service }, signedHeaders, signature };
}

/** `20260102T030405Z` in milliseconds, or NaN. */
function parseAmzDate(text: string): number {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  return iso === text ? Number.NaN : Date.parse(iso);
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
