import { relative } from "node:path";

/** Milliseconds between two lines. */
const EVERY_MS = 20_000;

/**
 * A line now and then about how far a long run is, where Jest's own status line is not shown: in a log, a pipe, the gate.
 * https://jestjs.io/docs/configuration#custom-reporters
 */
// biome-ignore lint/style/noDefaultExport: so Jest asks for it
export default class ProgressReporter {
  /** When each file that runs was begun, by its path. */
  #running = new Map();
  #startedAt = Date.now();
  #results;
  #timer;
  #write;
  #now;

  /** @param _config of Jest. @param options how to write a line, and the clock: for tests */
  constructor(_config, { write = (line) => process.stderr.write(line), now = Date.now } = {}) {
    this.#write = write;
    this.#now = now;
  }

  onRunStart(results) {
    this.#results = results;
    this.#startedAt = this.#now();
    if (process.stderr.isTTY) return;
    this.#timer = setInterval(() => this.tell(), EVERY_MS);
    this.#timer.unref();
  }

  onTestFileStart({ path }) {
    this.#running.set(path, this.#now());
  }

  onTestFileResult({ path }, _result, results) {
    this.#running.delete(path);
    this.#results = results;
  }

  onRunComplete() {
    clearInterval(this.#timer);
  }

  tell() {
    const { numTotalTestSuites, numFailedTestSuites, numPassedTestSuites, numPendingTestSuites } =
      this.#results;
    const done = numFailedTestSuites + numPassedTestSuites + numPendingTestSuites;
    const words = [`${done} of ${numTotalTestSuites} files`, `${numFailedTestSuites} failed`];
    const [longest] = this.#running; // a Map keeps the order of insertion
    const seconds = (since) => `${Math.round((this.#now() - since) / 1_000)} s`;
    if (longest)
      words.push(`running longest: ${relative(process.cwd(), longest[0])} (${seconds(longest[1])})`);
    this.#write(`${seconds(this.#startedAt)}: ${words.join(", ")}\n`);
  }
}
