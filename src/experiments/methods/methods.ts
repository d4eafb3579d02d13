import type { Method } from "./method";
import { dpo } from "./dpo";
import { grpo } from "./grpo";
import { ppo } from "./ppo";
import { rloo } from "./rloo";
import { sft } from "./sft";

/** The methods, in the order in which the command lists them. */
export const methods: readonly Method[] = [sft, dpo, rloo, ppo, grpo];
