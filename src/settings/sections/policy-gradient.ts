import { z } from "zod";
import { grpoLosses, klEstimators, rewardScales } from "../../training";
import { section } from "../section";
import { positive, setting } from "../setting";

const share = z.number().min(0).max(1);

/** What REINFORCE with a leave-one-out baseline can set. */
export const rloo = section("RLOO", {
  normalizeAdvantages: setting(z.boolean(), {
    decides: "training",
    default: false,
    label: "advantages normalised",
    meaning:
      "Gives an iteration's advantages mean 0 and deviation 1, so that the scale of rewards does not count.",
  }),
});

/** What group-relative policy optimisation can set. */
export const grpo = section("GRPO", {
  grpoLoss: setting(z.enum(grpoLosses), {
    decides: "training",
    default: "dapo",
    label: "form of the loss",
    meaning:
      "A mean of completions, each of its tokens (grpo), of a batch's tokens (bnpo), of completions over maxNewTokens (dr_grpo), or of a " +
      "step's tokens (dapo).",
  }),
  scaleRewards: setting(z.enum(rewardScales), {
    decides: "training",
    default: "group",
    label: "advantages divided by",
    meaning: "The deviation of the rewards of a prompt, of an iteration, or nothing.",
  }),
});

/** What proximal policy optimisation can set. */
export const ppo = section("PPO", {
  valueEpsilon: setting(positive, {
    decides: "training",
    default: 0.2,
    label: "ε of values",
    meaning: "How far a value may move from the old one before it no longer counts.",
  }),
  valueCoefficient: setting(z.number().nonnegative(), {
    decides: "training",
    default: 0.1,
    label: "weight of the values' loss",
    meaning: "What the loss of the values counts beside that of the policy.",
  }),
  gamma: setting(share, {
    decides: "training",
    default: 1,
    label: "γ",
    meaning: "What a reward one token later is worth.",
  }),
  lambda: setting(share, {
    decides: "training",
    default: 0.95,
    label: "λ",
    meaning: "0 trusts the values, 1 the rewards.",
  }),
  klEstimator: setting(z.enum(klEstimators), {
    decides: "training",
    default: "k1",
    label: "estimator of the KL",
    meaning: "k1, which may be below 0, or k3, which may not and is less noisy near the reference.",
  }),
  whitenRewards: setting(z.boolean(), {
    decides: "training",
    default: false,
    label: "rewards whitened",
    meaning: "Gives the rewards of tokens variance 1 before advantages are made of them.",
  }),
});
