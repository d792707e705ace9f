import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createIam, type Iam, type WorkerCredentials } from "../../../infra/local/iam/iam.ts";
import type { WireRequest } from "../../../infra/local/iam/sigv4.ts";
import { lambdaEndpoint } from "../../../lambdas/aws/environment.ts";
import { hashOf } from "../../../lambdas/aws/hash.ts";
import { LazyService } from "../../../lambdas/aws/lazy-service.ts";
import { isNetworkError } from "../../../lambdas/aws/network-error.ts";
import { Service } from "../../../lambdas/aws/service.ts";
import { startSink } from "../../bench/support/sink.ts";

/** A service that checks each signature as AWS does (infra/local/iam), and answers as it is told. */
let server: Server;
let iam: Iam;
let requests: WireRequest[];
let answer: (response: ServerResponse) => void;
let env: Record<string, string | undefined>;
let service: Service;

const issue = (): WorkerCredentials => iam.credentialsFor({ logicalId: "Fn", name: "fn", statements: [] });

function use(credentials: WorkerCredentials): void {
  Object.assign(env, {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
  });
}

beforeEach(async () => {
  iam = createIam({ account: "123456789012" });
  requests = [];
  answer = (response) => response.end();
  server = createServer((request, response) => {
    buffer(request).then(
      (body) => {
        const { method = "", url = "", headers } = request;
        requests.push({ method, url, headers, body });
        answer(response);
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  env = { AWS_REGION: "eu-central-1" };
  use(issue());
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/prod/`;
  service = new Service({ service: "execute-api", endpoint, env, connections: 2 });
});

afterEach(async () => {
  await service.close();
  await new Promise((closed) => server.close(closed));
});

const post = (path = "/@connections/a%3D", text = "42[]") =>
  service.post({ path, headers: { "content-type": "text/plain" }, body: Buffer.from(text) });

describe("a signed request", () => {
  test.each(["/@connections/TXz-_d%3D", "/", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Afn/invocations"])(
    "to %s has a signature that AWS takes",
    async (path) => {
      expect(await post(path, "grüße")).toMatchObject({ status: 200, text: "" });
      expect(requests.map((request) => iam.authenticate(request).functionName)).toEqual(["fn"]);
      expect(requests[0]?.url).toBe(`/prod${path}`);
      expect(requests[0]?.headers).toMatchObject({ "content-type": "text/plain", "content-length": "7" });
    },
  );

  test("is not taken with another body", async () => {
    await post();
    const [request] = requests;
    if (!request) throw new Error("nothing was sent");
    expect(() => iam.authenticate({ ...request, body: Buffer.from("43[]") })).toThrow("signature");
  });

  test("believes the hash of who has made it already", async () => {
    const body = Buffer.from("42[]");
    await service.post({ path: "/", headers: {}, body, bodyHash: hashOf(body) });
    expect(requests.map((request) => iam.authenticate(request).functionName)).toEqual(["fn"]);
  });

  test("is signed with the credentials that the environment has at that moment", async () => {
    await post();
    const next = issue();
    use(next);
    await post();
    expect(requests.map((request) => iam.authenticate(request).accessKeyId)).toEqual([
      expect.not.stringMatching(next.accessKeyId),
      next.accessKeyId,
    ]);
  });

  test("sends no token where there is none", async () => {
    delete env.AWS_SESSION_TOKEN;
    await post();
    expect(requests[0]?.headers).not.toHaveProperty("x-amz-security-token");
  });

  test("without credentials is an error that names what is missing, and nothing is sent", async () => {
    delete env.AWS_SECRET_ACCESS_KEY;
    await expect(post()).rejects.toThrow("AWS_SECRET_ACCESS_KEY");
    expect(requests).toEqual([]);
  });
});

describe("an answer", () => {
  test.each([
    [{ "x-amzn-ErrorType": "GoneException:http://internal" }, '{"message":"bye"}', "GoneException", "bye"],
    [{}, '{"__type":"com.amazonaws.dynamodb#Throttling","Message":"slow"}', "Throttling", "slow"],
    [{ "content-type": "text/html" }, "<h1>Gone</h1>", "HttpError", "status 410"],
    [{}, "", "HttpError", "status 410"],
    [{}, "null", "HttpError", "status 410"],
  ])("that is no success is an error: %j %s", async (headers, body, name, message) => {
    answer = (response) => response.writeHead(410, headers).end(body);
    await expect(post()).rejects.toMatchObject({ name, message, $metadata: { httpStatusCode: 410 } });
  });

  test("comes in parts", async () => {
    answer = (response) => {
      response.write("gr");
      response.write(Buffer.from([0xc3]));
      response.end(Buffer.from([0xbc, 0x6e]));
    };
    expect((await post()).text).toBe("grün");
  });

  test("that never comes is an error of the network", async () => {
    answer = (response) => response.destroy();
    const failure: unknown = await post().catch((error: unknown) => error);
    expect(isNetworkError(failure)).toBe(true);
  });

  test("of nobody is an error of the network", async () => {
    const nowhere = new Service({ service: "x", endpoint: "http://127.0.0.1:1", env, connections: 1 });
    const failure: unknown = await nowhere
      .post({ path: "/", headers: {}, body: Buffer.from("") })
      .catch((error: unknown) => error);
    await nowhere.close();
    expect(isNetworkError(failure)).toBe(true);
  });
});

test("an idle connection does not hold the process: an invocation would wait for it", async () => {
  // In another process: the server's end of a connection would hold this one.
  const sink = await startSink("sink.mjs");
  const far = new Service({ service: "execute-api", endpoint: sink.url, env, connections: 2 });
  await far.post({ path: "/", headers: {}, body: Buffer.from("42[]") });
  const held = process.getActiveResourcesInfo().filter((kind) => /SocketWrap|TLSWrap|Immediate/.test(kind));
  await far.close();
  await sink.stop();
  expect(held).toEqual([]);
});

describe("a service that is loaded later", () => {
  const lazy = () => {
    const { port } = server.address() as AddressInfo;
    return new LazyService({
      service: "execute-api",
      endpoint: `http://127.0.0.1:${port}`,
      env,
      connections: 1,
    });
  };
  const request = { path: "/", headers: {}, body: Buffer.from("42[]") };

  test("sends what came while it was being loaded, over the connections of one", async () => {
    const late = lazy();
    const sockets = new Set<unknown>();
    server.on("connection", (socket) => sockets.add(socket));
    const answers = await Promise.all([late.post(request), late.post(request), late.post(request)]);
    await late.close();
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(sockets.size).toBe(1);
  });

  test("fails as the other does", async () => {
    const late = lazy();
    answer = (response) => response.writeHead(410).end();
    await expect(late.post(request)).rejects.toMatchObject({ $metadata: { httpStatusCode: 410 } });
    await late.close();
  });

  test("has nothing to close before the first request", async () => {
    await expect(lazy().close()).resolves.toBeUndefined();
  });
});

describe("where Lambda is", () => {
  const callback = "https://abc.execute-api.eu-central-1.amazonaws.com/prod";

  test.each([
    ["in its region", {}, callback, "https://lambda.eu-central-1.amazonaws.com"],
    [
      "in another partition",
      { AWS_REGION: "cn-north-1" },
      "https://abc.execute-api.cn-north-1.amazonaws.com.cn/prod",
      "https://lambda.cn-north-1.amazonaws.com.cn",
    ],
    [
      "behind a callback of this machine",
      {},
      "http://127.0.0.1:1/prod",
      "https://lambda.eu-central-1.amazonaws.com",
    ],
    ["where the environment says", { AWS_ENDPOINT_URL: "http://all" }, callback, "http://all"],
    [
      "where it says for this service",
      { AWS_ENDPOINT_URL: "http://all", AWS_ENDPOINT_URL_LAMBDA: "http://one" },
      callback,
      "http://one",
    ],
  ])("%s", (_where, more, callbackUrl, expected) => {
    expect(lambdaEndpoint({ AWS_REGION: "eu-central-1", ...more }, callbackUrl)).toBe(expected);
  });
});
