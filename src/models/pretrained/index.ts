export {
  isModelDirectory,
  openModelDirectory,
  type OpenModelDirectory,
  readModelDirectory,
  type T5Checkpoint,
  WEIGHTS_FILE,
} from "./read";
export * from "./write";
export * from "./pretrained";
