import type { Method } from "./method";
import { dpo } from "./dpo";
import { sft } from "./sft";

/** The methods, in the order in which the command lists them. */
export const methods: readonly Method[] = [sft, dpo];
