import { grpoObjective } from "../../training";
import { sections } from "../../settings";
import { method } from "./method";
import {
  onlineDefaults,
  onlineExample,
  onlineParts,
  onlineRun,
  onlineSections,
  onlineWatched,
} from "./online";

/** Group-relative policy optimisation; see `docs/methods/online.md`. */
export const grpo = method({
  name: "grpo",
  summary:
    "Group-relative policy optimisation: as rloo, but each token counts by itself, advantages are divided by their deviation, and the " +
    "distance from the reference is part of the loss.",
  parts: onlineParts,
  sections: [...onlineSections, sections.grpo],
  // Those of TRL, with ten times the rate, as for an adapter.
  defaults: { ...onlineDefaults, learningRate: 1e-5, completionsPerPrompt: 8, klCoefficient: 0 },
  watched: onlineWatched,
  example: onlineExample,
  prepare(config, model, surroundings) {
    const { epsilon, temperature, grpoLoss: loss, scaleRewards, maxNewTokens } = config;
    return onlineRun(
      config,
      { model, ...surroundings },
      grpoObjective({ epsilon, temperature, loss, scaleRewards, maxNewTokens }),
    );
  },
});
