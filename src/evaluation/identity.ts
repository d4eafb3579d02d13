import { z } from "zod";
import { json } from "../io";

/**
 * What a variant is: `bound` and `baseline` need no model, `base` is a model before training, `model` one after it, and
 * `misused` a trained model that is given inputs of another form than it was trained with.
 */
export const variantKinds = ["bound", "baseline", "base", "model", "misused"] as const;
export type VariantKind = (typeof variantKinds)[number];

export const identitySchema = z.object({
  kind: z.enum(variantKinds),
  /** What it is called apart from seed and cut: `random`, or `LoRA` where there are several seeds. */
  family: z.string(),
  /** Of its training. */
  seed: z.number().int().nullable(),
  /** How much of each answer is left, where answers are cut. */
  cut: z.object({ length: z.number().int(), unit: z.enum(["words", "tokens"]) }).nullable(),
  /** The settings that decided its training. */
  trained: z.record(z.string(), json).nullable(),
});
/** Who a variant is, as it was made: nothing of it has to be read out of its name. */
export type Identity = z.infer<typeof identitySchema>;

/** The identity of a bound or a baseline: nothing was trained, nothing is cut. */
export function untrainedIdentity(kind: VariantKind, family: string): Identity {
  return { kind, family, seed: null, cut: null, trained: null };
}

/**
 * What a variant is that does not say it, as in files of older versions: with an `adapter` among its settings a model, with
 * `null` for one a base, otherwise a baseline; of a family of its own, and trained with the seed that it was asked with.
 */
export function assumedIdentity(name: string, settings: Readonly<Record<string, unknown>>): Identity {
  const { adapter, seed } = settings;
  if (adapter === undefined) return untrainedIdentity("baseline", name);
  if (adapter === null) return untrainedIdentity("base", name);
  return { ...untrainedIdentity("model", name), seed: Number.isInteger(seed) ? (seed as number) : null };
}

/** Who a variant is, by its summary; as {@link assumedIdentity} has it where an older version wrote the file. */
export function identityOf(summary: {
  readonly variant: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly identity?: Identity;
}): Identity {
  return summary.identity ?? assumedIdentity(summary.variant, summary.settings);
}
