import { z } from "zod";
import type { Architecture, ModelConfig } from "../architecture";
import type { ScorerForm } from "./form";

/**
 * What a head says of texts: `classification`, a label of each; `pairwise`, a label of each pair of texts that are read apart;
 * `reward`, how good each is.
 */
export const scorerKinds = ["classification", "pairwise", "reward"] as const;
export type ScorerKind = (typeof scorerKinds)[number];

/** What a head is made for. */
export interface HeadConfig {
  readonly kind: ScorerKind;
  /** Their names, in the order of the logits; of a reward its own. */
  readonly labels: readonly string[];
}

/** A model's config with that of its head. */
export interface ScorerConfig<Base extends ModelConfig = ModelConfig> extends ModelConfig, HeadConfig {
  readonly base: Base;
}

/** What a pairwise head stands on of two states u and v, in this order. */
const PARTS = ["u", "v", "|u-v|", "u*v"] as const;

/** The rows of a head's weight: a label each; of a pairwise one a label for each of {@link PARTS}. */
export const headRows = ({ kind, labels }: HeadConfig): number =>
  labels.length * (kind === "pairwise" ? PARTS.length : 1);

/** How many texts a kind of head takes at a time: rows of a batch that belong together. */
export const textsOf = (kind: ScorerKind): number => (kind === "pairwise" ? 2 : 1);

/**
 * @param where what errors begin with
 * @throws {RangeError} if a head means nothing
 */
export function checkHead({ kind, labels }: HeadConfig, where = ""): void {
  const odd = labels.find((label, i) => label === "" || labels.indexOf(label) !== i);
  if (odd !== undefined)
    throw new RangeError(
      `${where}labels must be different and not empty, but ${JSON.stringify(odd)} is not so`,
    );
  if (kind === "reward" ? labels.length !== 1 : labels.length < 2)
    throw new RangeError(
      `${where}a ${kind} head needs ${kind === "reward" ? "one label, the name of what it measures" : "two labels or more"}, not ${labels.length}`,
    );
}

const fileSchema = z.looseObject({
  architectures: z.array(z.string()).nullish(),
  id2label: z.record(z.string(), z.string()).nullish(),
  scorer: z.object({ kind: z.enum(scorerKinds), labels: z.array(z.string()) }).nullish(),
});

/**
 * What config.json says of a head. One that transformers wrote has no field `scorer`: with one label it is a reward, else a
 * classification.
 *
 * @throws {Error} if it is of no scorer
 */
export function parseHead(
  file: unknown,
  source: string,
  { name, scorer }: Pick<Architecture, "name" | "scorer">,
): HeadConfig {
  const parsed = fileSchema.safeParse(file);
  if (!parsed.success) throw new Error(`${source}: ${z.prettifyError(parsed.error)}`);
  const { architectures, id2label, scorer: own } = parsed.data;
  const className = scorer!.className;
  if (!architectures?.includes(className))
    throw new Error(
      `${source}: architectures is ${JSON.stringify(architectures ?? null)}, where a scorer on a ${name} is a ${className}: this model has no ` +
        "head for whole texts; train one (npm run score), or name the folder of a scorer",
    );
  const named = Object.entries(id2label ?? { 0: "LABEL_0", 1: "LABEL_1" });
  const labels = named.sort(([a], [b]) => Number(a) - Number(b)).map(([, label]) => label);
  if (named.some(([id], i) => Number(id) !== i))
    throw new Error(`${source}: id2label must name the labels 0 to ${labels.length - 1}`);
  const head: HeadConfig = own ?? { kind: labels.length === 1 ? "reward" : "classification", labels };
  if (headRows(head) !== labels.length)
    throw new Error(
      `${source}: id2label has ${labels.length} labels, where its scorer (${head.kind}) has ${headRows(head)}`,
    );
  checkHead(head, `${source}: `);
  return head;
}

/** What config.json of a scorer says beside its model's own fields. */
export function headFile(head: HeadConfig, { className }: Pick<ScorerForm, "className">): object {
  const { kind, labels } = head;
  const names =
    kind === "pairwise" ? PARTS.flatMap((part) => labels.map((label) => `${label} (${part})`)) : labels;
  return {
    architectures: [className],
    id2label: Object.fromEntries(names.map((name, i) => [i, name])),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
    ...(kind === "classification" && { problem_type: "single_label_classification" }),
    scorer: { kind, labels },
  };
}
