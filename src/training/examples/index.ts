/** Examples to train on, made of what people wrote. */
export { encodeRows, inLine, type EncodedRows, type EncodeRowsOptions } from "./encode";
export * from "./fit";
export * from "./pack";
export * from "./preferences";
export { describeRows, lines } from "./report";
export * from "./tokens";
export * from "./prompts";
