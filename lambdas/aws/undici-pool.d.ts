/** One file of undici instead of all of it: fetch, mocks, caches and WebSockets would double what an instance loads. */
declare module "undici/lib/dispatcher/pool.js" {
  // biome-ignore lint/style/noDefaultExport: what a CommonJS file exports
  export { Pool as default } from "undici";
}
