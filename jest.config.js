import { availableParallelism } from "node:os";

// The SDK's note about Node 20, once for each of many processes; Lambda runs Node 24.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = "true";

/** One project per kind of test, so that `jest --selectProjects unit` is the quick check before a commit. */
const common = {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
  // The sources, as in tsconfig.json: what the package exports is built.
  moduleNameMapper: {
    "^skysocket$": "<rootDir>/lambdas/server/api/index.ts",
    "^skysocket/client$": "<rootDir>/client/index.ts",
  },
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2023", parser: { syntax: "typescript" } }, module: { type: "es6" } },
    ],
  },
};

const project = (name) => ({
  ...common,
  displayName: name,
  testMatch: [`<rootDir>/test/${name}/**/*.test.ts`],
});

export default {
  // The one limit of all tests. It only ends what hangs: what is slow on a busy machine is not wrong.
  testTimeout: 15 * 60_000,
  coverageProvider: "v8",
  reporters: ["default", "<rootDir>/test/support/progress-reporter.mjs"],
  // Half of what the tests do is waiting: with as many workers as cores, or fewer (the default), cores would be idle.
  maxWorkers: availableParallelism() + 1,
  projects: [project("unit"), project("integration"), project("e2e")],
};
