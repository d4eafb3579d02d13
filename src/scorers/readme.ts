import { escapeMarkdown } from "../text";
import type { MeasuredCard, ScorerCard } from "./card";

const percent = (value: number) => `${(100 * value).toFixed(1)} %`;

/** The card of a scorer as a page: what it is, how good beside which baselines, what it is not, and the commands. */
export function scorerReadme(card: ScorerCard, place: string): string {
  const { name, form, kind, labels, reads, training, base, measured } = card;
  const what = {
    adapter: `a ${kind} head with LoRA over ${base ? `\`${base.path}\` (from this folder)` : "a model"}`,
    model: `a ${kind} head on a model, all weights in Hugging Face's form`,
    logistic: "a logistic model of words and pairs of words, without a neural network",
  }[form];
  const settings = Object.entries(training.settings).filter(([key]) => key !== "name");
  return `# ${escapeMarkdown(name)}

What it is: ${what}. It reads ${reads.join(" and ")} and says ${labels.length > 1 ? labels.join(", ") : `a number, ${labels[0]!}`}.

    import { openScorer } from "./src/scorers";
    const scorer = await openScorer("${place}");

Trained on ${training.count} rows of \`${training.data}\` (${training.licence}), which is the licence of these weights too. The same settings
give the same bits on the same machine:

${settings.map(([key, value]) => `- ${key}: ${JSON.stringify(value)}`).join("\n")}

## How good it is

${measured.length === 0 ? "Not measured yet.\n" : measured.map((one) => measuredPart(card, one, place)).join("\n")}`;
}

function measuredPart({ labels }: ScorerCard, one: MeasuredCard, place: string): string {
  const { data, count, accuracy, confusion, calibrationError, beside, kappa, folds, moreThanLogistic } = one;
  const table = [
    ["scorer", "accuracy"],
    ["---", "---"],
    ["this one", percent(accuracy)],
    ...Object.entries(beside).map(([name, value]) => [name, percent(value)]),
  ];
  const confusions = [
    ["is", ...labels.map((label) => `said ${label}`)],
    ["---", ...labels.map(() => "---:")],
    ...confusion.map((row, i) => [labels[i]!, ...row.map(String)]),
  ];
  const shown = (rows: string[][]) => rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
  const [value, low, high] = moreThanLogistic ?? [];
  const difference =
    value === undefined
      ? ""
      : `\nMore than the logistic model of the same rows: ${(100 * value).toFixed(1)} points (95 % interval ${(100 * low!).toFixed(1)} to ${(100 * high!).toFixed(1)}, paired bootstrap).\n`;
  const agreement =
    kappa === undefined
      ? ""
      : `\nAgreement with the labels beyond chance, Cohen's κ: ${kappa[0].toFixed(2)} (95 % interval ${kappa[1].toFixed(2)} to ${kappa[2].toFixed(2)}).\n`;
  const command = folds === undefined ? `measure ${place} ${data}` : `folds CONFIG.json --folds ${folds}`;
  const which =
    folds === undefined
      ? "held-out rows"
      : `rows, each by a scorer of the other ${folds - 1} of ${folds} folds`;
  return `\`${data}\`, ${count} ${which} (\`npm run score -- ${command}\`):

${shown(table)}
${difference}${agreement}
Its probabilities are off by ${percent(calibrationError)} on average (expected calibration error, ten bars).

${shown(confusions)}
`;
}
