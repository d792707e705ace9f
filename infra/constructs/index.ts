export { SkysocketConfigError, type SkysocketConfigErrorCode } from "./errors.ts";
export { SkysocketApi, type SkysocketApiProps } from "./skysocket-api.ts";
