// The seam of the bundle: infra/constructs/bundle.ts leaves imports of this file as they are and bundles it on its own, so
// that undici, which is larger than all else in a function together, is loaded when there is something to post.
export { Service } from "./service.ts";
