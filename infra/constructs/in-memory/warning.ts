import { relative } from "node:path";
import { Annotations } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { type Finding, inMemoryState } from "./find.ts";

const CODE = "SKY_STATE_IN_MEMORY";

/** Warnings of a construct for whatever an application keeps in memory and changes in handlers. */
export function warnOfMemory(scope: Construct, app: string): void {
  for (const finding of inMemoryState(app)) {
    Annotations.of(scope).addWarningV2(`skysocket:${CODE}`, warningOf(finding));
  }
}

/** What a person reads: where it is, why it is lost, what to write instead. */
export function warningOf(finding: Finding, directory = process.cwd()): string {
  const { file, line, name, of, changedIn, changedAt } = finding;
  const path = (one: string): string => relative(directory, one) || one;
  const changed = changedIn === file ? `line ${changedAt}` : `${path(changedIn)}:${changedAt}`;
  const why =
    of === "module"
      ? `handlers change this variable of the module (${changed}), but each instance of the function has its own`
      : `handlers change this variable of the connection listener (${changed}), but the listener runs again for each event and makes a new one`;
  return `${CODE} ${path(file)}:${line} ${name}: ${why}. ${advice(finding)} If it may be lost, put the comment "skysocket: in-memory" before it.`;
}

function advice({ name, of, holds, initial }: Finding): string {
  if (holds === "timer") {
    return "Timers end with their event: keep the time at which it is due, and compare in the next event; what must come without one belongs in a function on a schedule.";
  }
  if (holds === "socket") {
    return "A socket object lives in its event only: keep socket.id, and use io.to(id) or io.in(id) with it.";
  }
  if (of === "listener") return `Keep it in socket.data.${name}.`;
  if (holds === "class") {
    return `What its methods change has to be plain values: put those into io.shared("${name}", {}), which the methods use.`;
  }
  if (holds === "scalar") {
    return `Keep it in an object that outlives events: const counts = io.shared("counts", { ${name}: ${initial || "null"} }), then counts.${name}.`;
  }
  const start = initial || { array: "[]", map: "new Map()", object: "{}", set: "new Set()" }[holds];
  return `Write ${name} = io.shared("${name}", ${start}), or io.state(key) for many independent ones.`;
}
