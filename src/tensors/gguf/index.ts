/** GGUF files of llama.cpp: tensors in few bits, with metadata. */
export { BLOCK, type BlockCodes } from "./blocks";
export { GgufFile, UNREAD } from "./file";
export { type GgufEntry } from "./header";
export { GgufMetadata, type GgufScalar, type GgufValue } from "./metadata";
export { type GgufTensor, type GgufWriteType, writeGguf } from "./write";
