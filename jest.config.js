/** One project per kind of test, so that `jest --selectProjects unit` is the quick check before a commit. */
const common = {
  testEnvironment: "node",
  extensionsToTreatAsEsm: [".ts"],
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
  coverageProvider: "v8",
  // Half of what the tests do is waiting: on two cores, one worker (the default) would leave one of them idle.
  maxWorkers: "100%",
  projects: [project("unit"), project("integration"), project("e2e")],
};
