export {
  isModelDirectory,
  openModelDirectory,
  type OpenModelDirectory,
  readModelDirectory,
  type Checkpoint,
  type LoadedCheckpoint,
  WEIGHTS_FILE,
} from "./read";
export * from "./write";
export * from "./pretrained";
