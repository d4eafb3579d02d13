export {
  isModelDirectory,
  openModelDirectory,
  type OpenModelDirectory,
  readModelDirectory,
  type T5Checkpoint,
} from "./read";
export * from "./write";
export * from "./pretrained";
