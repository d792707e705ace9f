/** `npm run parity:table`: writes test/parity/PARITY.md. */
import { writeFileSync } from "node:fs";
import { problemsOf, renderTable } from "./parity-table.ts";
import { TABLE_FILE, tableInput } from "./parity-table-file.ts";

const input = tableInput();
writeFileSync(TABLE_FILE, renderTable(input));
for (const problem of problemsOf(input)) process.stderr.write(`${problem}\n`);
process.exitCode = problemsOf(input).length > 0 ? 1 : 0;
