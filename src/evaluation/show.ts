import { personaWords } from "../metrics";
import { escapeHtml } from "../notebook";
import { simpleTokenSpans } from "../text";
import type { EvaluationCase, VariantSummary } from "./files";
import type { SetMetric } from "./scores";

/** Rows for a table of scores: each cell a value with its interval, `0.305 [0.302, 0.307]`. */
export function scoreRows(
  summaries: readonly VariantSummary[],
  metrics: readonly SetMetric[],
): Record<string, string>[] {
  return summaries.map(({ variant, metrics: values }) => ({
    variant,
    ...Object.fromEntries(
      metrics.map((name) => {
        const { value, low, high } = values[name];
        const digits = name === "bleu" || name === "outputTokens" ? 1 : 3;
        return [name, `${value.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`];
      }),
    ),
  }));
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
export function caseBundle(cases: readonly EvaluationCase[]): { "text/html": string; "text/plain": string } {
  const style = "vertical-align: top; text-align: left; width: 33%; white-space: pre-wrap; font-size: 13px";
  const cell = (html: string) =>
    `<td style="${style}"><div style="max-height: 420px; overflow: auto">${html}</div></td>`;
  const rows = cases.map((one) => {
    const wanted = personaWords(one.personas.flat(), { ignoreStopWords: true });
    const said = new Set(simpleTokenSpans(one.output).map(({ token }) => token));
    const used = new Set([...wanted].filter((word) => said.has(word)));
    const personas = one.personas.map(
      (facts, i) => `<b>User ${i + 1}</b>\n${markWords(facts.join("\n"), used)}`,
    );
    const found =
      one.retrieved?.map(({ id, score }) => `, from ${id}, similarity ${score.toFixed(2)}`).join("") ?? "";
    const { rougeL, personaCoverageContent } = one.metrics;
    const head = `${one.id}, ${one.variant}${found}: ROUGE-L ${rougeL.toFixed(3)}, content coverage ${personaCoverageContent.toFixed(2)}`;
    return `<tr><th colspan="3" style="text-align: left">${escapeHtml(head)}</th></tr><tr>${cell(personas.join("\n\n"))}${cell(markWords(one.output, wanted))}${cell(markWords(one.reference, wanted))}</tr>`;
  });
  const titles = ["personas", "answer", "reference"].map(
    (title) => `<th style="text-align: left">${title}</th>`,
  );
  return {
    "text/html": `<table style="width: 100%; table-layout: fixed"><thead><tr>${titles.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`,
    "text/plain": cases
      .map((one) =>
        [
          one.id,
          ...one.personas.flat(),
          `--- ${one.variant}`,
          one.output,
          "--- reference",
          one.reference,
        ].join("\n"),
      )
      .join("\n\n"),
  };
}
