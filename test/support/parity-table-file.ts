import { fileURLToPath } from "node:url";
import { SCENARIOS } from "../integration/parity/scenarios/index.ts";
import { carefulRecovery, recovery } from "../integration/parity/scenarios/recovery.ts";
import { KINDS, OWN_TESTS } from "./parity-kinds.ts";
import { readParts, socketIoVersion } from "./parity-members.ts";
import { NOTES } from "./parity-notes.ts";
import type { TableInput } from "./parity-table.ts";

export const TABLE_FILE = fileURLToPath(new URL("../parity/PARITY.md", import.meta.url));

/** What the table on disk is made of. Scenarios of other suites, played with servers of their own, are added here. */
export function tableInput(): TableInput {
  return {
    version: socketIoVersion(),
    parts: readParts(),
    scenarios: [...SCENARIOS, recovery, carefulRecovery].flatMap(({ scenarios }) => scenarios),
    notes: NOTES,
    own: { tests: OWN_TESTS, kinds: KINDS },
  };
}
