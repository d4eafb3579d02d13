import type { BootstrapOptions } from "../metrics";
import { qualityOf } from "./evaluate";
import { type Generator, tunedGenerator, type TunedOptions } from "./generator";
import { type Iteration, keptIn, makeDialogues, type MakeOptions } from "./iterate";

/** What a generator made, whatever it is. */
export interface Making {
  readonly generator: Pick<Generator, "name">;
  readonly iterations: readonly Iteration[];
}

/**
 * What a second, larger model makes in the place of the first one: the same pairs, pool, critics, experts and draws, and as much to learn
 * from.
 *
 * @param model a folder or a name of the hub; where it is empty nothing is made
 */
export async function makeByAnother(
  model: string,
  options: Omit<MakeOptions, "generator">,
  tuned: TunedOptions,
): Promise<Making[]> {
  if (model === "") return [];
  const generator = await tunedGenerator(model, tuned);
  return [{ generator, iterations: await makeDialogues({ ...options, generator }) }];
}

/** Generators beside one another, a row each: what all their iterations cost, and how good what they kept is, with intervals over dialogues. */
export function besideOneAnother(makings: readonly Making[], options: BootstrapOptions = {}) {
  return makings.map(({ generator, iterations }) => {
    const candidates = iterations.flatMap(({ pairs }) => pairs).flatMap((pair) => pair.candidates);
    const kept = iterations.flatMap(keptIn);
    const written = candidates.reduce((sum, { usage }) => sum + usage.completionTokens, 0);
    const seconds = (name: keyof Iteration["seconds"]) =>
      iterations.reduce((sum, one) => sum + one.seconds[name], 0);
    const qualities = (kept.length === 0 ? [] : qualityOf(kept, options)).flatMap(
      ({ quality, value, low, high }): [string, number | string][] => [
        [quality, value],
        [`${quality}, 95 %`, `[${low.toFixed(2)}, ${high.toFixed(2)}]`],
      ],
    );
    return {
      generator: generator.name,
      candidates: candidates.length,
      kept: kept.length,
      "tokens written a kept one": kept.length === 0 ? null : written / kept.length,
      "seconds learning": seconds("learning"),
      "seconds writing": seconds("writing"),
      ...Object.fromEntries(qualities),
    };
  });
}
