import type { CardFigure, ModelFacts } from "../export";
import { readSettings } from "./saved";

/** What the settings beside an experiment's adapter tell its card: base, settings and figures; nothing where there are none. */
export function trainedFacts(adapter: string): ModelFacts {
  const saved = readSettings(adapter);
  if (!saved) return {};
  const { settings, baseModel, steps, best, seconds } = saved;
  const figure = (name: string, value: number): CardFigure => ({ name, value, file: "settings.json" });
  return {
    base: baseModel,
    settings,
    figures: [
      figure("steps", steps),
      figure("seconds", Math.round(seconds)),
      ...(best
        ? [
            figure("lowest validation loss, nats a token", best.loss),
            figure("step of the lowest validation loss", best.step),
          ]
        : []),
    ],
  };
}
