/** The sections of which studies compose their settings. */
export { adaptation } from "./sections/adaptation";
export { answers } from "./sections/answers";
export { chance } from "./sections/chance";
export { data } from "./sections/data";
export { generation } from "./sections/generation";
export { grpo } from "./sections/grpo";
export { input } from "./sections/input";
export { loss } from "./sections/loss";
export { optimization } from "./sections/optimization";
export { ppo } from "./sections/ppo";
export { preference } from "./sections/preference";
export { rloo } from "./sections/rloo";
export { rollouts } from "./sections/rollouts";
export { sequence } from "./sections/sequence";
export { supervised } from "./sections/supervised";
export { target } from "./sections/target";
export { validation } from "./sections/validation";
