import * as crypto from "node:crypto";
import { seeded } from "./simulation.ts";

let random = seeded(0);

/** From here on the same ids are made for the same seed. */
export function seedCrypto(seed: number): void {
  random = seeded(seed ^ 0x5eed);
}

/**
 * `node:crypto` with ids that a seed decides: the orders of ids are choices too, and a failure that makes others when it is
 * replayed is none. For `jest.unstable_mockModule`, before anything of the server is imported.
 */
export const seededCrypto = (): object => ({
  ...crypto,
  randomBytes: (size: number) => Buffer.from(Array.from({ length: size }, () => random() * 256)),
  randomInt: (from: number, to?: number) =>
    to === undefined ? Math.floor(random() * from) : from + Math.floor(random() * (to - from)),
});
