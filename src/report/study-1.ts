import type { PaperDocument, Sources } from "../paper";
import { bibliography } from "./bibliography";
import { computeValues } from "./computed";
import { chooseCases, errors, examinedFamilies, examinedVariant } from "./content/errors";
import { introduction, methods } from "./content/method";
import { conclusion, reproducibility, verdict } from "./content/reproducibility";
import { results } from "./content/results";
import { computedFile, otherThanT5, type ReportContext } from "./context";
import { reportFigures } from "./figures";
import type { FoundOutputs } from "./found";
import { prose } from "./prose";

/**
 * What the report of the first study says: adapters, unfrozen blocks and retrieved snippets, compared on the conversations that
 * variants found on disk answered. What it computes goes into `computed.json`.
 *
 * @param seed of the tests between variants
 */
export async function composeStudy1(
  sources: Sources,
  found: FoundOutputs,
  seed: number,
): Promise<PaperDocument> {
  const cases = chooseCases(examinedVariant(found.variants));
  const computed = await computeValues(found, sources, cases, examinedFamilies(found.variants), seed);
  sources.write(computedFile, computed);
  const context: ReportContext = { sources, found, computed };
  const figures = await reportFigures(context);
  const other = otherThanT5(context);
  return {
    title:
      "Persona-Consistent Dialogue by Low-Rank Adaptation and Retrieval: Training and Evaluation in TypeScript",
    authors: ["The persona-dialogue-notebooks project"],
    abstract: prose`We fine-tune a small ${other ? "language" : "encoder–decoder"} model to write conversations between two people whose personas it is given: by
      LoRA, ${other ? "" : "by unfreezing the last blocks of the encoder as well, "}and with snippets of similar people's conversations in the input.
      Answers are scored by BLEU, ROUGE-L, Jaccard and persona coverage, beside baselines and beside bounds of the same length.
      ${verdict(context, ["rougeL", "personaCoverageContent"])}Every number in this report is read from a file that a run left and is listed with its source.`,
    keywords: [
      "dialogue generation",
      "personas",
      "low-rank adaptation",
      "retrieval-augmented generation",
      "evaluation",
      "TypeScript",
    ],
    blocks: [
      ...introduction(context),
      ...methods(context),
      ...results(context, figures),
      ...errors(context),
      ...conclusion(context),
      ...reproducibility(context),
    ],
    works: bibliography,
  };
}
