/** Checkpoints of llama2.c. */
export { openLlama2c } from "./model";
