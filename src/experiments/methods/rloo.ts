import { rlooObjective } from "../../training";
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

/** REINFORCE with a leave-one-out baseline; see `docs/methods/online.md`. */
export const rloo = method({
  name: "rloo",
  summary:
    "Reinforcement learning without a value network: the policy answers prompts several times, a reward scores the answers, and those " +
    'better than the others of their prompt become likelier (REINFORCE leave-one-out), from rows of {"prompt": …}.',
  parts: onlineParts,
  sections: [...onlineSections, sections.rloo],
  // The rate is ten times that of TRL, as for an adapter.
  defaults: { ...onlineDefaults, learningRate: 1e-5 },
  watched: onlineWatched,
  example: onlineExample,
  prepare(config, model, surroundings) {
    const { epsilon, temperature, normalizeAdvantages } = config;
    return onlineRun(
      config,
      { model, ...surroundings },
      rlooObjective({ epsilon, temperature, normalizeAdvantages }),
    );
  },
});
