import { afterEach, describe, expect, test } from "@jest/globals";
import type { AuthorizerModel, InvokeResult } from "../../../infra/local/model.ts";
import { OK } from "../../support/fake-lambda.ts";
import { ACCOUNT, api, REGION, route, startGateway } from "../../support/local-gateway.ts";

let gateway: Awaited<ReturnType<typeof startGateway>>;

afterEach(async () => {
  await gateway.stop();
  expect(gateway.errors).toEqual([]);
});

const ARN = `arn:aws:execute-api:${REGION}:${ACCOUNT}:a1b2c3d4e5/prod/$connect`;
const policy = (Effect: string, Resource: string | string[] = ARN) => ({
  Version: "2012-10-17",
  Statement: [{ Effect, Action: "execute-api:Invoke", Resource }],
});
const answer = (payload: unknown): InvokeResult => ({ outcome: "ok", payload });
const ALLOW = answer({ principalId: "ada", policyDocument: policy("Allow") });

/** A gateway whose $connect is guarded: the authorizer answers so, the functions of the routes are content. */
async function start(
  says: InvokeResult,
  identitySources: AuthorizerModel["identitySources"] = [],
): Promise<void> {
  const authorizer = { authorizerId: "auth12", functionId: "guard", identitySources };
  gateway = await startGateway({
    apis: [api({ routes: [route("$connect", { authorizer }), route("$disconnect"), route("$default")] })],
  });
  gateway.lambda.handle = ({ functionId }) => (functionId === "guard" ? says : OK);
}

const asked = () => gateway.lambda.invocations.map(({ functionId }) => functionId);

describe("an authorizer of $connect", () => {
  test("is asked first, with the request and the ARN of the route, in the name of the authorizer", async () => {
    await start(ALLOW);
    await gateway.dial("/prod?token=t1&EIO=4", { headers: { "X-Own": "1" } }).opened;
    expect(asked()).toEqual(["guard", "fn"]);
    const [{ event, source } = { event: undefined, source: undefined }] = gateway.lambda.invocations;
    expect(event).toMatchObject({
      type: "REQUEST",
      methodArn: ARN,
      headers: { "X-Own": "1", Connection: "Upgrade", Upgrade: "websocket" },
      multiValueHeaders: { "X-Own": ["1"] },
      queryStringParameters: { token: "t1", EIO: "4" },
      multiValueQueryStringParameters: { token: ["t1"], EIO: ["4"] },
      stageVariables: {},
      requestContext: { routeKey: "$connect", eventType: "CONNECT", stage: "prod", apiId: "a1b2c3d4e5" },
    });
    expect(source).toEqual({
      principal: "apigateway.amazonaws.com",
      arn: `arn:aws:execute-api:${REGION}:${ACCOUNT}:a1b2c3d4e5/authorizers/auth12`,
    });
  });

  test("hands its context to every event of the connection, as strings", async () => {
    const context = { user: "u1", admin: true, level: 3 };
    await start(answer({ principalId: "ada", policyDocument: policy("Allow"), context }));
    const client = gateway.dial();
    await client.opened;
    client.socket.send("hi");
    await gateway.lambda.invoked("$default");
    client.socket.close();
    await gateway.lambda.invoked("$disconnect");
    const events = gateway.lambda.invocations.filter(({ functionId }) => functionId === "fn");
    expect(events).toHaveLength(3);
    for (const { event } of events) {
      expect(event.requestContext.authorizer).toEqual({
        user: "u1",
        admin: "true",
        level: "3",
        principalId: "ada",
        integrationLatency: expect.any(Number),
      });
    }
  });

  test.each<{ what: string; says: InvokeResult; status: number; why: RegExp }>([
    {
      what: "a deny",
      says: answer({ principalId: "x", policyDocument: policy("Deny") }),
      status: 403,
      why: /explicit deny/,
    },
    {
      what: "an allow for something else, such as the routes of a REST API",
      says: answer({
        principalId: "x",
        policyDocument: policy("Allow", `${ARN.replace("$connect", "")}*/*`),
      }),
      status: 403,
      why: /no identity-based policy allows/,
    },
    {
      what: 'a failure with "Unauthorized"',
      says: { outcome: "error", errorType: "Error", message: "Unauthorized" },
      status: 401,
      why: /Unauthorized/,
    },
    {
      what: "another failure",
      says: { outcome: "error", errorType: "TypeError", message: "x" },
      status: 500,
      why: /TypeError: x/,
    },
    { what: "its timeout", says: { outcome: "timeout" }, status: 500, why: /timeout/ },
    { what: "its being throttled", says: { outcome: "throttled" }, status: 500, why: /throttled/ },
    { what: "no policy", says: answer({ principalId: "x" }), status: 500, why: /policyDocument/ },
    {
      what: "no principal",
      says: answer({ policyDocument: policy("Allow") }),
      status: 500,
      why: /principalId/,
    },
    {
      what: "the answer of an HTTP API's authorizer",
      says: answer({ isAuthorized: true }),
      status: 500,
      why: /principalId/,
    },
    {
      what: "a list in its context",
      says: answer({ principalId: "x", policyDocument: policy("Allow"), context: { roles: ["a"] } }),
      status: 500,
      why: /context\.roles/,
    },
    {
      what: "an answer of more than 8 KB",
      says: answer({
        principalId: "x",
        policyDocument: policy("Allow"),
        context: { all: "x".repeat(8200) },
      }),
      status: 500,
      why: /larger than 8192 bytes/,
    },
  ])("refuses after $what with $status, before the function is called", async ({ says, status, why }) => {
    await start(says);
    await expect(gateway.dial().opened).rejects.toMatchObject({ status });
    expect(asked()).toEqual(["guard"]);
    expect(gateway.events).toMatchObject([
      { operation: "connect", functionId: "guard", status, body: expect.stringMatching(why) },
    ]);
  });

  test.each([
    ["/prod?token=t", { "X-Key": "k" }, 101],
    ["/prod?token=", { "X-Key": "k" }, 401],
    ["/prod", { "X-Key": "k" }, 401],
    ["/prod?token=t", {}, 401],
  ])(
    "is not even asked where an identity source is missing or empty: %s %j",
    async (path, headers, status) => {
      await start(ALLOW, [
        { from: "querystring", name: "token" },
        { from: "header", name: "x-key" },
      ]);
      const { opened } = gateway.dial(path, { headers });
      if (status === 101) await opened;
      else await expect(opened).rejects.toMatchObject({ status });
      expect(asked()).toEqual(status === 101 ? ["guard", "fn"] : []);
    },
  );

  test("is asked each time: its answers are not kept", async () => {
    await start(ALLOW, [{ from: "querystring", name: "token" }]);
    await gateway.dial("/prod?token=t").opened;
    await gateway.dial("/prod?token=t").opened;
    expect(asked()).toEqual(["guard", "fn", "guard", "fn"]);
  });
});
