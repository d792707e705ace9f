/** What the package consists of. */
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const DIST = fileURLToPath(new URL("../dist", import.meta.url));

/** What users import: sources, as ES modules and CommonJS, with declarations. `package.json` gives them their names. */
export const PUBLIC = [
  "lambdas/server/api/index.ts",
  "lambdas/functions/outside.ts",
  "infra/constructs/index.ts",
  "infra/local/index.ts",
];

/** The same, for browsers too. */
export const CLIENT = "client/index.ts";

/** What `require` gives where it is more than what `import` gives. */
export const COMMONJS: Readonly<Record<string, string>> = {
  "lambdas/server/api/index.ts": "lambdas/server/api/commonjs.cjs",
};

/** What the construct bundles with an application, and what the local cloud starts: ES modules, found by their paths. */
export const INTERNAL = [
  "lambdas/functions/socket.ts",
  "lambdas/functions/fan-out.ts",
  "lambdas/functions/heartbeat.ts",
  "lambdas/aws/environment-credentials.ts",
  "lambdas/aws/endpoint-cache.ts",
  "lambdas/aws/skysocket-service.mjs",
  "lambdas/aws/skysocket-event-streams.mjs",
  "lambdas/gateway/skysocket-connections-client.mjs",
  "infra/app.ts",
  "infra/local/cli.ts",
];
