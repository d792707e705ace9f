/** For JavaScript clients of a Skysocket server: docs/REFERENCE.md. */
export { parser } from "./parser.ts";
