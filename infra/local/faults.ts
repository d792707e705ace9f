/** What happens to the instance that calls an AWS service, at that very call: it dies or it freezes, as the chaos switches say. */
import type { IncomingHttpHeaders } from "node:http";
import type { Chaos } from "./chaos.ts";

/** The instances that run, by the access key that each signs its calls with. */
export interface Victims {
  /** Kills the instance; false if none with this key runs anything. Resolves when it does nothing any more. */
  crash(accessKeyId: string): Promise<boolean>;
  /** Nothing in the instance runs for this long. */
  freeze(accessKeyId: string, ms: number): void;
}

/**
 * Performs one call of an instance.
 * @returns undefined when the instance has died, so that nobody waits for the answer
 */
export type Faults = <T>(
  request: { readonly headers: IncomingHttpHeaders },
  call: () => Promise<T>,
) => Promise<T | undefined>;

/** No faults. */
export const FAULTLESS: Faults = (_request, call) => call();

/** @param victims undefined as long as no function runs */
export function createFaults(chaos: Chaos, victims: () => Victims | undefined): Faults {
  return async (request, call) => {
    const accessKeyId = accessKeyOf(request.headers.authorization);
    const running = victims();
    if (running === undefined || accessKeyId === undefined) return await call();
    if (chaos.happens("freeze")) running.freeze(accessKeyId, chaos.delayMs("freezeMs"));
    if (chaos.happens("crashBeforeCall") && (await running.crash(accessKeyId))) return undefined;
    const answer = await call();
    if (chaos.happens("crashAfterCall") && (await running.crash(accessKeyId))) return undefined;
    return answer;
  };
}

/** Of a signature: `AWS4-HMAC-SHA256 Credential=<access key>/<date>/…`. */
function accessKeyOf(authorization: string | undefined): string | undefined {
  return /Credential=([^/,\s]+)/.exec(authorization ?? "")?.[1];
}
