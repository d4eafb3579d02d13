/** What the architectures are built from. */
export { KeyValueCache, selectRows } from "./cache";
export { joinRotaryPairs, splitRotaryPairs } from "./interleave";
export * from "./linear";
export * from "./packing";
export * from "./resident";
export * from "./rows";
export * from "./weights";
