import { z } from "zod";
import { klEstimators } from "../../training";
import { section } from "../section";
import { positive, setting } from "../setting";

const share = z.number().min(0).max(1);

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
    meaning:
      "How far advantages look: 0 trusts the values of the next token, 1 the rewards of all that follow.",
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
