import { z } from "zod";
import { promptVariants } from "../../prompts";
import { section, type ValuesOf } from "../section";
import { count, setting, whole } from "../setting";

/**
 * Where snippets come from: nowhere, the nearest personas by TF-IDF, BM25 or vectors of an encoder, any conversation (the control), or now from one
 * of these and now from another, so that a model trained on the mixture knows the inputs of all of them.
 */
export const retrievers = ["none", "tfidf", "bm25", "dense", "random", "mixed"] as const;
export type Retriever = (typeof retrievers)[number];

export const input = section(
  "Input",
  {
    promptVariant: setting(z.enum(promptVariants), {
      decides: "form",
      default: "template",
      label: "form of the input",
      meaning: "How the prompt's parts are put together.",
    }),
    retriever: setting(z.enum(retrievers), {
      decides: "retrieval",
      default: "none",
      label: "retriever",
      meaning: "Where snippets come from.",
    }),
    k: setting(whole, {
      decides: "retrieval",
      default: 0,
      label: "snippets",
      notebook: "K",
      notebookLeast: 1,
      meaning:
        'Snippets in a prompt ("mixed": from 0 to so many); 0 goes with the retriever "none" and only with it.',
    }),
    snippetTurns: setting(count, {
      decides: "retrieval",
      default: 2,
      label: "turns a snippet",
      notebook: "SNIPPET_TURNS",
      notebookLeast: 1,
      meaning: "Turns of the retrieved conversation that make a snippet.",
    }),
    maxInputTokens: setting(count, {
      decides: "form",
      default: 256,
      quick: 224,
      label: "input tokens, at most",
      notebook: "MAX_INPUT_TOKENS",
      meaning: "Longer prompts are cut: snippets first, then personas.",
    }),
  },
  ({ k, retriever }, refuse) => {
    if ((k === 0) !== (retriever === "none"))
      refuse("k", `0 snippets and the retriever "none" go together, not ${k} and "${retriever}"`);
  },
);

/** Snippets in a prompt where a retriever is named and no number. */
const DEFAULT_K = 3;

type Retrieval = Pick<ValuesOf<typeof input.settings>, "k" | "retriever">;

/**
 * What `k` and `retriever` become by changes: where either is changed to none, so is the other; snippets without a retriever
 * come from TF-IDF, and a retriever without a number gives 3.
 */
export function changeRetrieval(before: Retrieval, changes: Partial<Retrieval>): Retrieval {
  const { k, retriever } = { ...before, ...changes };
  if (changes.k === 0 || changes.retriever === "none") return { k: 0, retriever: "none" };
  if (changes.k !== undefined && retriever === "none") return { k, retriever: "tfidf" };
  if (changes.retriever !== undefined && k === 0) return { k: DEFAULT_K, retriever };
  return { k, retriever };
}
