import { basename, join } from "node:path";
import { type EvaluatedVariant, evaluateVariants } from "../evaluation";
import {
  answeringSettings,
  answeringVariant,
  askedRows,
  openTrained,
  openTrainingModel,
  tokenizerFor,
} from "../experiments";
import { writeJsonLines } from "../io";
import { mtld, typeTokenRatio } from "../metrics";
import type { TaskType } from "../models";
import { simpleTokens } from "../text";
import type { PersonaPrompt } from "./instruction";
import { type Situation, situationRow } from "./situations";

/** A model to be tested: an adapter, or the model without one, and how it is told who it is. */
export interface TestedModel {
  readonly name: string;
  readonly adapter: string | undefined;
  readonly prompt: PersonaPrompt;
}

export interface DomainTestOptions {
  /** The model that the adapters are of. */
  readonly model: string;
  readonly taskType: TaskType;
  /** Where rows, answers and scores are left. */
  readonly folder: string;
  /** Settings of answering, in place of the defaults. */
  readonly answering: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly resamples?: number;
}

/** What models said in the situations of one domain, all in the same ones. */
export interface TestedDomain {
  readonly domain: string;
  readonly models: readonly EvaluatedVariant[];
}

/**
 * Asks every model in every situation of every domain, once, and scores what it says against what was said there: perplexity of that,
 * F1, use of the persona and the others of `evaluateVariants`, whose files are left in the folder.
 */
export async function testOnDomains(
  models: readonly TestedModel[],
  domains: Readonly<Record<string, readonly Situation[]>>,
  { model, taskType, folder, answering, seed, resamples }: DomainTestOptions,
): Promise<TestedDomain[]> {
  const settings = answeringSettings({ seed, ...answering });
  const evaluated: EvaluatedVariant[] = [];
  for (const { name, adapter, prompt } of models) {
    const asked = Object.entries(domains).flatMap(([domain, situations]) => {
      const path = join(folder, prompt, `${domain}.jsonl`);
      writeJsonLines(
        path,
        situations.map((one) => situationRow(one, prompt, taskType)),
      );
      return askedRows(path, { seed });
    });
    const opened = adapter === undefined ? await untrained(model) : await openTrained(adapter);
    try {
      const options = { directory: folder, seed, ...(resamples !== undefined && { resamples }) };
      evaluated.push(...(await evaluateVariants([answeringVariant(name, opened, settings)], asked, options)));
    } finally {
      opened.base.checkpoint.close();
    }
  }
  return Object.keys(domains).map((domain) => ({
    domain,
    models: evaluated.map((one) => within(one, `${domain}.jsonl`)),
  }));
}

async function untrained(model: string) {
  const base = await openTrainingModel(model);
  const { tokenizer } = await tokenizerFor(base, { form: "conversation", path: model, rows: [] });
  return { method: "sft", config: {}, base, tokenizer };
}

/** The cases of one file, whose names begin with it. */
function within({ summary, cases }: EvaluatedVariant, file: string): EvaluatedVariant {
  const own = cases.filter(({ id }) => id.startsWith(`${basename(file)}, `));
  return { summary: { ...summary, caseSet: `${summary.caseSet} ${file}`, cases: own.length }, cases: own };
}

/** How varied texts are. */
export interface Diversity {
  /** Tokens of all texts together. */
  readonly tokens: number;
  /** MTLD of all texts, one behind the other in their order. */
  readonly mtld: number;
  /** Type–token ratio of the first `ratioTokens` tokens: compare it at one number of them. */
  readonly ratio: number;
  readonly ratioTokens: number;
}

/**
 * How varied several sets of texts are, each as one text: MTLD, and the type–token ratio of as many tokens as the shortest has.
 *
 * @throws {RangeError} if a set has no words
 */
export function diversities(sets: Readonly<Record<string, readonly string[]>>): Record<string, Diversity> {
  const tokens = Object.entries(sets).map(([name, texts]) => [name, simpleTokens(texts.join("\n"))] as const);
  const empty = tokens.find(([, own]) => own.length === 0);
  if (empty) throw new RangeError(`${empty[0]}: nothing is said, so that nothing is varied`);
  const ratioTokens = Math.min(...tokens.map(([, own]) => own.length));
  return Object.fromEntries(
    tokens.map(([name, own]) => [
      name,
      { tokens: own.length, mtld: mtld(own), ratio: typeTokenRatio(own, ratioTokens), ratioTokens },
    ]),
  );
}
