/** Methods of training as values, and how one is run from its configuration to an adapter. */
export * from "./answering";
export * from "./asked";
export * from "./config";
export * from "./curve";
export * from "./estimate";
export * from "./files";
export * from "./method";
export * from "./methods";
export * from "./model";
export * from "./parts";
export * from "./run";
export { dpo } from "./dpo";
export { grpo } from "./grpo";
export { ppo } from "./ppo";
export { rloo } from "./rloo";
export { sft } from "./sft";
