export { SkysocketConfigError, type SkysocketConfigErrorCode } from "./errors.ts";
export type { Line } from "./line.ts";
export {
  type AccessLogProps,
  type ConnectAuthorizer,
  SkysocketApi,
  type SkysocketApiProps,
} from "./skysocket-api.ts";
