/** What programs import from "skysocket/local". */
export type { GatewayBehavior } from "./api-gateway/limits.ts";
export type { ChaosSettings } from "./chaos.ts";
export { type LocalCloud, type LocalCloudOptions, startLocalCloud } from "./cloud.ts";
export { LocalCloudError } from "./errors.ts";
export type { LogLine } from "./model.ts";
export { SynthError } from "./synth.ts";
export { TemplateError } from "./template/errors.ts";
