/** From a cloud assembly on disk to the model that the local cloud runs. */
import type { CloudModel } from "../model.ts";
import { readApis } from "./apis.ts";
import { readAssembly } from "./assembly.ts";
import { readFunctions } from "./functions.ts";
import { readMappings } from "./mappings.ts";
import { rolePolicies } from "./policies.ts";
import { readQueues } from "./queues.ts";
import { readSchedules } from "./schedules.ts";
import { ACCOUNT, REGION, Stack } from "./stack.ts";
import { readTables } from "./tables.ts";

/**
 * Reads the assembly that `cdk synth` wrote to `assemblyDir` (one stack). Throws TemplateError for whatever the local cloud
 * cannot run: a resource type or a property that it would have to ignore, an intrinsic that it cannot resolve.
 */
export function loadModel(assemblyDir: string): CloudModel {
  const assembly = readAssembly(assemblyDir);
  const stack = new Stack(assembly);
  const resources = stack.resources();
  const roles = rolePolicies(resources, stack);
  const functions = readFunctions(resources, { stack, assembly, roles });
  const { schedules, grants } = readSchedules(resources, { stack, functions, roles });
  const queues = readQueues(resources, stack);
  return {
    region: REGION,
    account: ACCOUNT,
    functions: functions.map((fn) => ({
      ...fn,
      permissions: [
        ...fn.permissions,
        ...grants
          .filter(({ functionId }) => functionId === fn.logicalId)
          .map(({ principal, sourceArn }) => ({ principal, sourceArn })),
      ],
    })),
    tables: readTables(resources, stack),
    queues,
    mappings: readMappings(resources, { functions, queues }),
    apis: readApis({ resources, stack, functions, roles }),
    schedules,
    outputs: stack.outputs(),
    warnings: assembly.warnings,
  };
}
