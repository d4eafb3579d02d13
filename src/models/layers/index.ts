/** What the architectures are built from. */
export { KeyValueCache, selectRows } from "./cache";
export * from "./linear";
export * from "./rows";
export * from "./weights";
