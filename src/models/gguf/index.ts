/** Models in GGUF files, read and written. */
export { openGguf } from "./model";
export { type GgufContents, writeGgufModel } from "./write";
