import { type Interval, personaWords } from "../metrics";
import { escapeHtml, simpleTokenSpans } from "../text";
import type { EvaluatedVariant } from "./evaluate";
import { type EvaluationCase, scoreOf, type VariantSummary } from "./files";
import type { Metric } from "./scores";

/** Rows for a table of scores, each cell as {@link scoreText} has it; empty for likelihoods that were not asked. */
export function scoreRows(
  summaries: readonly VariantSummary[],
  metrics: readonly Metric[],
): Record<string, string>[] {
  return summaries.map((summary) => {
    const { variant, cases, metrics: values } = summary;
    const text = (name: Metric) => {
      const score = scoreOf(summary, name);
      return score ? scoreText(name, score, cases, () => Math.round(cases * values.factsSaid.value)) : "";
    };
    return { variant, ...Object.fromEntries(metrics.map((name) => [name, text(name)])) };
  });
}

/**
 * A score with its interval, `0.305 [0.302, 0.307]`; of a single case without. Ownership says of how many facts it is, `0.905
 * [0.850, 0.950] of 84`, and where none came up nothing else: `of 0`.
 */
export function scoreText(
  metric: Metric,
  { value, low, high }: Interval,
  cases: number,
  facts: () => number,
): string {
  const digits = metric === "bleu" || metric === "outputTokens" || metric === "perplexity" ? 1 : 3;
  const interval = cases === 1 ? "" : ` [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
  const score = value.toFixed(digits) + interval;
  if (metric !== "ownership") return score;
  const counted = facts();
  return counted === 0 ? "of 0" : `${score} of ${counted}`;
}

/** How many facts come up in some cases: those that ownership is counted of. */
export function factsCounted(cases: readonly Pick<EvaluationCase, "metrics">[]): number {
  return cases.reduce((sum, { metrics }) => sum + metrics.factsSaid, 0);
}

/** `text` as HTML, escaped, with every word that is in `words` in a `<mark>`. Words are simple tokens. */
export function markWords(text: string, words: ReadonlySet<string>): string {
  let html = "";
  let done = 0;
  for (const { token, start, end } of simpleTokenSpans(text)) {
    if (!words.has(token)) continue;
    html += `${escapeHtml(text.slice(done, start))}<mark>${escapeHtml(text.slice(start, end))}</mark>`;
    done = end;
  }
  return html + escapeHtml(text.slice(done));
}

/**
 * Cases side by side: personas, output and reference, as HTML and as text. The personas' content words that the output
 * or the reference says are marked, in the persona those that the output says. Long texts scroll.
 */
export function caseBundle(cases: readonly EvaluationCase[]): TextBundle {
  return tableOfCases(
    cases.map((one) => {
      const { rougeL, personaCoverageContent, factsSaid, factsOwned } = one.metrics;
      return {
        head: `${one.id}, ${one.variant}${foundFor(one)}: ROUGE-L ${rougeL.toFixed(3)}, content coverage ${personaCoverageContent.toFixed(2)}, ${factsOwned} of ${factsSaid} facts said by their owners`,
        personas: one.personas,
        texts: [one.output, one.reference],
      };
    }),
    ["answer", "reference"],
  );
}

/**
 * What several variants made of the same dialogues, side by side: personas, each variant's answer, the reference. Words
 * are marked as in {@link caseBundle}; in the personas those that any of the variants says.
 *
 * @param ids which dialogues, in this order
 * @throws {Error} where a variant has not answered one of them
 */
export function sideBySideBundle(variants: readonly EvaluatedVariant[], ids: readonly string[]): TextBundle {
  return tableOfCases(
    ids.map((id) => {
      const answers = variants.map(({ summary, cases }) => {
        const found = cases.find((one) => one.id === id);
        if (!found) throw new Error(`${summary.variant} has not answered ${id}`);
        return found;
      });
      const { personas, reference } = answers[0]!;
      return { head: id, personas, texts: [...answers.map(({ output }) => output), reference] };
    }),
    [...variants.map(({ summary }) => summary.variant), "reference"],
  );
}

type TextBundle = { "text/html": string; "text/plain": string };

function foundFor({ retrieved }: EvaluationCase): string {
  return retrieved?.map(({ id, score }) => `, from ${id}, similarity ${score.toFixed(2)}`).join("") ?? "";
}

/** One dialogue and what was said to it; the last of the texts is the reference. */
interface ShownCase {
  head: string;
  personas: EvaluationCase["personas"];
  texts: readonly string[];
}

function tableOfCases(cases: readonly ShownCase[], titles: readonly string[]): TextBundle {
  const width = `${(100 / (titles.length + 1)).toFixed(1)}%`;
  const style = `vertical-align: top; text-align: left; width: ${width}; white-space: pre-wrap; font-size: 13px`;
  const cell = (html: string) =>
    `<td style="${style}"><div style="max-height: 420px; overflow: auto">${html}</div></td>`;
  const heading = (text: string, attributes = "") =>
    `<th${attributes} style="text-align: left">${escapeHtml(text)}</th>`;
  const rows = cases.map(({ head, personas, texts }) => {
    const wanted = personaWords(personas.flat(), { ignoreStopWords: true });
    const answers = texts.slice(0, -1).flatMap((text) => simpleTokenSpans(text).map(({ token }) => token));
    const said = new Set(answers);
    const used = new Set([...wanted].filter((word) => said.has(word)));
    const facts = personas.map((facts, i) => `<b>User ${i + 1}</b>\n${markWords(facts.join("\n"), used)}`);
    const cells = [cell(facts.join("\n\n")), ...texts.map((text) => cell(markWords(text, wanted)))];
    const span = ` colspan="${titles.length + 1}"`;
    return `<tr>${heading(head, span)}</tr><tr>${cells.join("")}</tr>`;
  });
  const headings = ["personas", ...titles].map((title) => heading(title));
  const plain = cases.map(({ head, personas, texts }) =>
    [head, ...personas.flat(), ...texts.flatMap((text, i) => [`--- ${titles[i]!}`, text])].join("\n"),
  );
  return {
    "text/html": `<table style="width: 100%; table-layout: fixed"><thead><tr>${headings.join("")}</tr></thead><tbody>\n${rows.join("\n")}\n</tbody></table>`,
    "text/plain": plain.join("\n\n"),
  };
}
