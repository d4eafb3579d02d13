import { ppoObjective } from "../../training";
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

/** Proximal policy optimisation; see `docs/methods/online.md`. */
export const ppo = method({
  name: "ppo",
  summary:
    "Proximal policy optimisation: the policy answers prompts, a reward scores the answers, a value head says what was to be expected of " +
    'each token, and tokens better than that become likelier, from rows of {"prompt": …}.',
  parts: onlineParts,
  sections: [...onlineSections, sections.ppo],
  // Those of TRL, with ten times the rate, as for an adapter.
  defaults: {
    ...onlineDefaults,
    learningRate: 3e-5,
    completionsPerPrompt: 1,
    promptsPerIteration: 32,
    epochsPerIteration: 4,
    temperature: 0.7,
  },
  watched: [...onlineWatched, "loss/value_avg"],
  example: onlineExample,
  prepare(config, model, surroundings) {
    const { epsilon, temperature, valueEpsilon, valueCoefficient } = config;
    const { gamma, lambda, klEstimator, whitenRewards } = config;
    return onlineRun(
      config,
      { model, ...surroundings },
      ppoObjective({
        ...{ epsilon, temperature, valueEpsilon, valueCoefficient },
        ...{ gamma, lambda, klEstimator, whitenRewards },
      }),
    );
  },
});
