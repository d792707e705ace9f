/**
 * Lambda's Node.js runtime, inside one worker thread: loads the bundle, runs one invocation at a time and is frozen between
 * two. Plain JavaScript, since a worker inherits neither tsx nor Jest's transform. Its counterpart is instance.ts.
 *
 * It follows the runtime interface client of nodejs24.x.
 * @see https://github.com/aws/aws-lambda-nodejs-runtime-interface-client
 */
import { existsSync, readFileSync } from "node:fs";
import Module from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";

/**
 * @typedef {object} Invocation
 * @property {string} requestId
 * @property {string} payload JSON text of the event
 * @property {number} deadline milliseconds since the epoch
 * @property {string} traceId
 */

/**
 * @typedef {object} Setup
 * @property {import("node:worker_threads").MessagePort} port
 * @property {Int32Array} signal counts the invocations handed over; the frozen thread sleeps on it
 * @property {string} codeDir
 * @property {string} handler
 * @property {string} functionName
 * @property {string} functionArn
 * @property {number} memoryMb
 * @property {string} logGroup
 * @property {string} logStream
 * @property {number} skewMs how far this instance's clock is off
 */

/** @type {Setup} */
const setup = workerData;
const { port, signal } = setup;
// The bundle may replace globals; the runtime must not be moved by that.
const RealDate = Date;
const { setImmediate } = globalThis;

let requestId = "init";
/** Set while an invocation runs: ends it although its handler has not settled. @type {((error: Error) => void) | undefined} */
let abandon;

class RuntimeError extends Error {
  /** @param {string} name @param {string} message @param {string} [stack] */
  constructor(name, message, stack) {
    super(message);
    this.name = name;
    if (stack !== undefined) this.stack = stack;
  }
}

/** @param {string} level @param {string} text */
function log(level, text) {
  port.postMessage({ type: "log", at: RealDate.now(), level, requestId, text });
}

/** What a failure looks like outside. @param {unknown} error */
function describe(error) {
  if (error instanceof Error) {
    return { errorType: error.name, message: error.message, trace: error.stack ?? String(error) };
  }
  return { errorType: typeof error, message: String(error), trace: String(error) };
}

function patchLogs() {
  const levels = { debug: "debug", log: "info", info: "info", warn: "warn", error: "error", trace: "debug" };
  for (const [method, level] of Object.entries(levels)) {
    console[method] = (/** @type {unknown[]} */ ...args) => log(level, format(...args));
  }
  process.stdout.write = writer("info");
  process.stderr.write = writer("error");
}

/** @param {string} level */
function writer(level) {
  /** @param {string | Uint8Array} chunk @param {unknown[]} rest */
  return (chunk, ...rest) => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    log(level, text.replace(/\n$/, ""));
    const callback = rest.find((argument) => typeof argument === "function");
    if (typeof callback === "function") setImmediate(() => callback());
    return true;
  };
}

/** Dies as Lambda's runtime does: the error is the invocation's (or the init's) outcome, and the instance is lost. */
function registerFatalListeners() {
  process.on("uncaughtException", (error) => {
    log("error", `Uncaught Exception\t${describe(error).trace}`);
    die(error, 129);
  });
  process.on("unhandledRejection", (reason) => {
    const message = reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason);
    const trace = reason instanceof Error ? reason.stack : undefined;
    log("error", `Unhandled Promise Rejection\t${trace ?? message}`);
    die(new RuntimeError("Runtime.UnhandledPromiseRejection", message, trace), 128);
  });
  process.on("beforeExit", () => {
    // Nothing is left that could ever settle the handler's promise.
    abandon?.(
      new RuntimeError(
        "Runtime.NodeJsExit",
        "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled.",
      ),
    );
  });
}

/** @param {unknown} error @param {number} code */
function die(error, code) {
  port.postMessage({ type: "failed", requestId, fatal: true, ...describe(error) });
  process.exit(code);
}

/** The handler function that `setup.handler` names: `dir/module.export.nested`. */
async function loadHandler() {
  const path = resolve(setup.codeDir, dirname(setup.handler));
  const name = basename(setup.handler);
  const dot = name.indexOf(".");
  if (dot < 1) throw new RuntimeError("Runtime.MalformedHandlerName", `Bad handler '${setup.handler}'`);
  const exports = await loadModule(join(path, name.slice(0, dot)));
  /** @type {any} */
  let target = exports;
  for (const part of name.slice(dot + 1).split(".")) target = target?.[part];
  if (typeof target !== "function") {
    throw new RuntimeError("Runtime.HandlerNotFound", `${setup.handler} is undefined or not exported`);
  }
  if (target.length >= 3) {
    throw new RuntimeError(
      "Runtime.CallbackHandlerDeprecated",
      "AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. Use an async handler.",
    );
  }
  return target;
}

/** @param {string} stem absolute path without extension */
async function loadModule(stem) {
  const file = [stem, `${stem}.js`, `${stem}.mjs`, `${stem}.cjs`].find((candidate) => existsSync(candidate));
  if (file === undefined) {
    throw new RuntimeError("Runtime.ImportModuleError", `Error: Cannot find module '${basename(stem)}'`);
  }
  try {
    if (file.endsWith(".js") && !existsSync(join(setup.codeDir, "package.json"))) return loadCommonJs(file);
    return await import(pathToFileURL(file).href);
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new RuntimeError("Runtime.UserCodeSyntaxError", String(error), error.stack);
    }
    if (error instanceof Error && "code" in error && /MODULE_NOT_FOUND$/.test(String(error.code))) {
      throw new RuntimeError("Runtime.ImportModuleError", String(error), error.stack);
    }
    throw error;
  }
}

/**
 * On Lambda a `.js` without a package.json beside it is CommonJS. Here the bundle lies somewhere below the project, whose
 * package.json says "module", and Node would believe that one.
 * @param {string} file
 */
function loadCommonJs(file) {
  const module = new Module(file);
  module.filename = file;
  module.paths = Module._nodeModulePaths(dirname(file));
  module._compile(readFileSync(file, "utf8"), file);
  return module.exports;
}

/**
 * Frozen until the next invocation: the thread itself sleeps, so that no timer, promise or socket of the last one goes on,
 * and all of them go on with the next one, as on Lambda.
 * @returns {Invocation}
 */
function nextInvocation() {
  for (;;) {
    // In this order: the signal is raised after the message is sent, so a message that comes after the look changes it.
    const seen = Atomics.load(signal, 0);
    const received = receiveMessageOnPort(port);
    if (received !== undefined) return received.message;
    Atomics.wait(signal, 0, seen);
  }
}

/** @param {Invocation} invocation */
function contextOf(invocation) {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: "$LATEST",
    functionName: setup.functionName,
    memoryLimitInMB: String(setup.memoryMb),
    logGroupName: setup.logGroup,
    logStreamName: setup.logStream,
    clientContext: undefined,
    identity: undefined,
    invokedFunctionArn: setup.functionArn,
    awsRequestId: invocation.requestId,
    getRemainingTimeInMillis: () => Math.max(0, invocation.deadline - RealDate.now()),
  };
}

/** @param {(event: unknown, context: unknown) => unknown} handler @param {Invocation} invocation */
async function run(handler, invocation) {
  requestId = invocation.requestId;
  process.env._X_AMZN_TRACE_ID = invocation.traceId;
  const abandoned = new Promise((_resolve, reject) => {
    abandon = reject;
  });
  try {
    const event = JSON.parse(invocation.payload);
    const result = await Promise.race([(async () => handler(event, contextOf(invocation)))(), abandoned]);
    await new Promise((done) => setImmediate(done));
    port.postMessage({ type: "succeeded", requestId, payload: serialize(result) });
  } catch (error) {
    await new Promise((done) => setImmediate(done));
    const { errorType, message, trace } = describe(error);
    log("error", `Invoke Error\t${trace}`);
    port.postMessage({ type: "failed", requestId, fatal: false, errorType, message, trace });
  }
  abandon = undefined;
}

/** @param {unknown} result */
function serialize(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch (error) {
    throw new RuntimeError("Runtime.JSONStringifyError", `Unable to stringify response body: ${error}`);
  }
}

function skewClock() {
  const { skewMs } = setup;
  if (skewMs === 0) return;
  globalThis.Date = /** @type {DateConstructor} */ (
    class extends RealDate {
      /** @param {any[]} args */
      constructor(...args) {
        // @ts-expect-error Date has seven signatures, all of which pass through
        super(...(args.length === 0 ? [RealDate.now() + skewMs] : args));
      }
      static now() {
        return RealDate.now() + skewMs;
      }
    }
  );
}

/** Chaos: the whole thread stands still in the midst of an invocation, as a throttled or paused machine does. */
function freezeWhenTold() {
  const never = new Int32Array(new SharedArrayBuffer(4));
  parentPort?.on("message", (/** @type {{ requestId: string, freezeMs: number }} */ order) => {
    if (order.requestId === requestId) Atomics.wait(never, 0, 0, order.freezeMs);
  });
  // It is no work that an invocation would have to wait for.
  parentPort?.unref();
}

patchLogs();
freezeWhenTold();
registerFatalListeners();
skewClock();
// A thread has no working directory of its own, but the bundle may ask for it.
process.cwd = () => setup.codeDir;
try {
  const handler = await loadHandler();
  port.postMessage({ type: "ready" });
  for (;;) await run(handler, nextInvocation());
} catch (error) {
  log("error", describe(error).trace);
  die(error, 1);
}
