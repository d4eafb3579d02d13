import { z } from "zod";
import { dpoProblem, preferenceLossNames } from "../../training";
import { section } from "../section";
import { positive, setting } from "../setting";

/** What training on pairs can set. */
export const preference = section(
  "Preferences",
  {
    preferenceLoss: setting(z.enum(preferenceLossNames), {
      decides: "training",
      default: "sigmoid",
      label: "form of the preference loss",
      meaning:
        "sigmoid is DPO; hinge stops where the margin is wide enough; ipo goes for a margin, not beyond; robust and cdpo reckon with pairs " +
        "labelled the wrong way round (preferenceSmoothing); apo_zero raises the chosen answers and lowers the rejected ones, each by itself.",
    }),
    beta: setting(positive, {
      decides: "training",
      default: 0.1,
      label: "β",
      meaning: "How strongly the policy is held to the reference: the larger, the nearer it stays.",
    }),
    preferenceSmoothing: setting(z.number().nonnegative(), {
      decides: "training",
      default: 0,
      label: "ε of wrong labels",
      meaning:
        "The share of pairs taken to be labelled the wrong way round, of the losses robust and cdpo alone.",
    }),
    sftWeight: setting(z.number().nonnegative(), {
      decides: "training",
      default: 0,
      label: "weight of the SFT term",
      meaning:
        "Adds so much of the chosen answers' cross-entropy, which keeps them likely: with the loss sigmoid it is RPO.",
    }),
  },
  ({ preferenceLoss: loss, preferenceSmoothing: labelSmoothing, ...values }, refuse) => {
    const problem = dpoProblem({ ...values, loss, labelSmoothing });
    const names: Record<string, string> = { loss: "preferenceLoss", labelSmoothing: "preferenceSmoothing" };
    if (problem) refuse(names[problem.option] ?? problem.option, `must ${problem.must}`);
  },
);
