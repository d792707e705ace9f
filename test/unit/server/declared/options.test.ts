import { expect, test } from "@jest/globals";
import { resolveOptions, type ServerOptions } from "../../../../lambdas/server/declared/options.ts";

function resolve(options: object) {
  const warned: string[] = [];
  const log = { warn: (code: string, message: string) => warned.push(`${code}: ${message}`) };
  return { resolved: resolveOptions(options as ServerOptions, log), warned };
}

test("has defaults for everything", () => {
  const { resolved, warned } = resolve({});
  expect(resolved).toMatchObject({ origin: true, maxRoomsPerSocket: 500, lingerTimeout: 5_000 });
  expect(resolved.handshakeHeaders.slice(0, 2)).toEqual(["cookie", "authorization"]);
  expect(warned).toEqual([]);
});

test("takes what it is given, header names in any case", () => {
  const { resolved } = resolve({
    cors: { origin: ["https://a"] },
    handshakeHeaders: ["X-Token"],
    maxRoomsPerSocket: 3,
    lingerTimeout: 0,
  });
  expect(resolved).toMatchObject({
    origin: ["https://a"],
    handshakeHeaders: ["x-token"],
    maxRoomsPerSocket: 3,
    lingerTimeout: 0,
  });
});

test.each(["pingInterval", "pingTimeout", "path", "transports", "maxHttpBufferSize", "perMessageDeflate"])(
  "%s means nothing behind API Gateway: a notice, once",
  (name) => {
    expect(resolve({ [name]: 1 }).warned).toEqual([
      `SKY_OPTION_IGNORED: the server option ${name} has no meaning behind API Gateway and is ignored`,
    ]);
  },
);

test.each(["adapter", "pingIntervall", "__proto__x"])("%s is an error: it would be missed", (name) => {
  expect(() => resolve({ [name]: {} })).toThrow(
    expect.objectContaining({ code: "SKY_NOT_AVAILABLE", message: expect.stringContaining(name) }),
  );
});

test.each([
  [{ allowRequest: "yes" }, 'allowRequest is "yes"', "a function"],
  [{ handshakeHeaders: "x-token" }, 'handshakeHeaders is "x-token"', "a list"],
  [{ handshakeHeaders: [1] }, "handshakeHeaders is [1]", "a list"],
  [{ maxRoomsPerSocket: 0 }, "maxRoomsPerSocket is 0", "from 1 on"],
  [{ maxNamespacesPerConnection: 1.5 }, "maxNamespacesPerConnection is 1.5", "from 1 on"],
  [{ connectionStateRecovery: { maxResumesPerMinute: 0 } }, "maxResumesPerMinute is 0", "from 1 on"],
  [{ maxAuthBytes: -1 }, "maxAuthBytes is -1", "from 1 on"],
  [{ maxRoomsPerSocket: "500" }, 'maxRoomsPerSocket is "500"', "a whole number"],
  [{ lingerTimeout: -1 }, "lingerTimeout is -1", "milliseconds"],
  [{ lingerTimeout: Number.NaN }, "lingerTimeout is NaN", "milliseconds"],
  [{ cors: "https://a" }, 'cors is "https://a"', '{ origin: "https://a" }'],
  [{ cors: ["https://a"] }, 'cors is ["https://a"]', '{ origin: ["https://a"] }'],
])(
  "%j cannot be meant: the error names the option, what it got and what it takes",
  (options, got, needed) => {
    expect(() => resolve(options)).toThrow(
      expect.objectContaining({ code: "SKY_OPTION_INVALID", message: expect.stringContaining(got) }),
    );
    expect(() => resolve(options)).toThrow(needed);
  },
);

test("without a limit a socket may be in any number of rooms", () => {
  expect(resolve({ maxRoomsPerSocket: Number.POSITIVE_INFINITY }).resolved.maxRoomsPerSocket).toBe(
    Number.POSITIVE_INFINITY,
  );
});

test("an option that is undefined is not given", () => {
  const { warned } = resolve({ adapter: undefined, path: undefined, maxRoomsPerSocket: undefined });
  expect(warned).toEqual([]);
});
