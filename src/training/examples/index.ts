/** Examples to train on, made of what people wrote. */
export * from "./encode";
export * from "./fit";
export * from "./pack";
export * from "./report";
export * from "./tokens";
