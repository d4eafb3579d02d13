import type { PaperDocument, Sources } from "../paper";
import { bibliography } from "./bibliography";
import { computeValues } from "./computed";
import { chooseCases, errors, examinedFamilies } from "./content/errors";
import { findings } from "./content/findings";
import { introduction, methods } from "./content/method";
import { appendix, conclusion, reproducibility } from "./content/reproducibility";
import { results } from "./content/results";
import { computedFile, otherThanT5, type ReportContext } from "./context";
import { reportFigures } from "./figures";
import type { FoundOutputs } from "./found";
import { prose } from "./prose";
import { selectVariants } from "./selection";

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
  const selection = selectVariants(found.variants);
  const cases = chooseCases(selection);
  const computed = await computeValues(found, sources, selection, cases, examinedFamilies(selection), seed);
  sources.write(computedFile, computed);
  const context: ReportContext = { sources, found, selection, computed };
  const figures = await reportFigures(context);
  const other = otherThanT5(context);
  return {
    title:
      "Persona-Consistent Dialogue by Low-Rank Adaptation and Retrieval: Training and Evaluation in TypeScript",
    authors: ["The persona-dialogue-notebooks project"],
    abstract: prose`A small ${other ? "language" : "encoder–decoder"} model learns to write conversations between two people whose personas it
      is given. ${findings(context)}Ownership is the share of the facts that come up which the one says whose they are. Every number
      is read from a file that a run left.`,
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
      ...appendix(context),
    ],
    works: bibliography,
  };
}
