import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DIST } from "./package.ts";

/** Writes the licenses of the packages that have files in ours, as they demand. */
export async function writeLicenses(files: Iterable<string>): Promise<void> {
  const packages = new Set([...files].flatMap((file) => packageOf(file) ?? []));
  const texts = [...packages].sort().map(licenseOf);
  await writeFile(join(DIST, "THIRD-PARTY-LICENSES.txt"), texts.join(`\n${"-".repeat(80)}\n\n`));
}

/** The directory of the package that a file is in, or undefined if it is one of ours. */
function packageOf(file: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
}

/** @throws Error when the package does not say what its license is */
function licenseOf(directory: string): string {
  const { name, version, license }: Record<string, unknown> = JSON.parse(
    readFileSync(join(directory, "package.json"), "utf8"),
  );
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined && license === undefined) throw new Error(`${directory} has no license`);
  const kind = typeof license === "string" ? license : JSON.stringify(license);
  const text = file === undefined ? "" : `\n${readFileSync(join(directory, file), "utf8").trim()}\n`;
  return `${name} ${version}: ${kind}\n${text}`;
}
