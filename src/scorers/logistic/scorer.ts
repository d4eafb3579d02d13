import { join } from "node:path";
import { z } from "zod";
import { readJson, sha256, writeFileWhole } from "../../io";
import { checkTexts, type LabelScorer } from "../scorer";
import { featuresOf, type Features } from "./features";
import { logisticProbabilities, type LogisticWeights } from "./fit";

export const LOGISTIC_FILE = "logistic.json";

/** Digits of a weight in a file. */
const DIGITS = 4;

const fileSchema = z.strictObject({
  labels: z.array(z.string()),
  weights: z.record(z.string(), z.array(z.number())),
});

/** A logistic model as a scorer. */
export function logisticScorer(
  weights: LogisticWeights,
  { name, labels, reads }: Pick<LabelScorer, "name" | "labels" | "reads">,
  features: (text: Parameters<typeof featuresOf>[0]) => Features = featuresOf,
): LabelScorer {
  return {
    kind: "labels",
    name,
    labels,
    reads,
    probabilities(texts) {
      checkTexts({ name, reads }, texts);
      return Promise.resolve(texts.map((text) => logisticProbabilities(weights, features(text))));
    },
    fingerprint: { scorer: "logistic", weights: sha256(JSON.stringify([...weights])) },
    close: () => Promise.resolve(),
  };
}

/** Weights as a file holds them, which is what is to be measured: a few digits each, and none of features without any. */
export function roundedWeights(weights: LogisticWeights): LogisticWeights {
  const rounded = [...weights].map(
    ([name, values]) => [name, values.map((value) => Number(value.toFixed(DIGITS)))] as const,
  );
  return new Map(rounded.filter(([name, values]) => name === "" || values.some((value) => value !== 0)));
}

/** Writes what {@link roundedWeights} gave, a feature a line. */
export function writeLogistic(directory: string, weights: LogisticWeights, labels: readonly string[]): void {
  const lines = [...weights].map(
    ([name, values]) => `    ${JSON.stringify(name)}: ${JSON.stringify(values)}`,
  );
  const text = `{\n  "labels": ${JSON.stringify(labels)},\n  "weights": {\n${lines.join(",\n")}\n  }\n}\n`;
  writeFileWhole(join(directory, LOGISTIC_FILE), text);
}

/** @throws {Error} if the file is not one, or not of these labels */
export function readLogistic(directory: string, labels: readonly string[]): LogisticWeights {
  const path = join(directory, LOGISTIC_FILE);
  const parsed = fileSchema.safeParse(readJson(path));
  if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
  const { labels: own, weights } = parsed.data;
  if (own.join() !== labels.join())
    throw new Error(`${path}: its labels are ${own.join(", ")}, where the scorer's are ${labels.join(", ")}`);
  const odd = Object.entries(weights).find(([, values]) => values.length !== labels.length);
  if (odd || !Object.hasOwn(weights, ""))
    throw new Error(
      `${path}: ${odd ? `${odd[0]} has not a weight for each label` : 'there is no "" (the intercepts)'}`,
    );
  return new Map(Object.entries(weights));
}
