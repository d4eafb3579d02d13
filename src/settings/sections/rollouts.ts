import { z } from "zod";
import { section } from "../section";
import { count, positive, setting } from "../setting";
import { optimization } from "./optimization";

const { batchSize, learningRate, warmupSteps, schedule } = optimization.settings;
const least0 = z.number().nonnegative();

/** How a policy acts and learns from it. */
export const rollouts = section(
  "Rollouts",
  {
    iterations: setting(count, {
      decides: "training",
      default: 100,
      label: "iterations",
      meaning: "How often the policy answers prompts and learns from that.",
    }),
    promptsPerIteration: setting(count, {
      decides: "training",
      default: 8,
      label: "prompts an iteration",
      meaning: "Prompts that are answered before something is learned: more make the gradient less noisy.",
    }),
    completionsPerPrompt: setting(count, {
      decides: "training",
      default: 4,
      label: "completions a prompt",
      meaning: "Answers to each prompt, which are compared with each other (k).",
    }),
    maxNewTokens: setting(count, {
      decides: "training",
      default: 64,
      label: "tokens of a completion, at most",
      meaning: "Longer answers are cut there. Most of an iteration's time goes into them.",
    }),
    temperature: setting(positive, {
      decides: "training",
      default: 1,
      label: "temperature",
      meaning: "What logits are divided by, in sampling and learning alike: above 1 more is tried.",
    }),
    epochsPerIteration: setting(count, {
      decides: "training",
      default: 1,
      label: "passes over an iteration",
      meaning: "How often what an iteration brought is learned from.",
    }),
    stepsPerEpoch: setting(count, {
      decides: "training",
      default: 1,
      label: "steps of a pass",
      meaning: "Optimizer steps of such a pass, each over as many completions.",
    }),
    klCoefficient: setting(least0, {
      decides: "training",
      default: 0.05,
      label: "β",
      meaning: "What a nat of distance from the reference costs, in units of the reward.",
    }),
    klTarget: setting(least0, {
      decides: "training",
      default: 0,
      label: "KL target",
      meaning: "Nats a completion that β is moved towards; 0 leaves β as it is.",
    }),
    missingEosPenalty: setting(least0, {
      decides: "training",
      default: 0,
      label: "penalty of a missing end",
      meaning: "Taken off the score of an answer that was cut.",
    }),
    epsilon: setting(z.number().gt(0).lt(1), {
      decides: "training",
      default: 0.2,
      label: "ε",
      meaning:
        "How far probabilities may move from those that answers were drawn with before they no longer count.",
    }),
    batchSize,
    learningRate,
    warmupSteps,
    schedule,
  },
  ({ klTarget, klCoefficient, stepsPerEpoch, promptsPerIteration, completionsPerPrompt }, refuse) => {
    if (klTarget > 0 && klCoefficient === 0)
      refuse("klTarget", "needs a klCoefficient above 0 to start from, as it is changed by a factor");
    const completions = promptsPerIteration * completionsPerPrompt;
    if (stepsPerEpoch > completions)
      refuse("stepsPerEpoch", `is more than the ${completions} completions of an iteration`);
  },
);
