export * from "./checkpoint";
export * from "./embedded";
export { openModelDirectory, readModelDirectory, WEIGHTS_FILE } from "./read";
export { isModelFile, openCheckpoint, type OpenedCheckpoint } from "./open-checkpoint";
export * from "./write";
export * from "./pretrained";
export * from "./write-nf4";
