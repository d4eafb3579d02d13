import { join } from "node:path";
import { z } from "zod";
import { cutVariant, randomBaseline, referenceBaseline, retrievalBaseline } from "../baselines";
import { loadCorpus } from "../corpus";
import {
  addVariants,
  type EvaluatedVariant,
  evaluateVariants,
  evaluationPaths,
  type EvaluationPlace,
  type Metric,
  readEvaluation,
} from "../evaluation";
import {
  answeringSettings,
  answeringVariant,
  askedRows,
  changeSettings,
  experimentVariant,
  isTrainedByMethod,
  loadBase,
  openExperiment,
  openTrained,
  untrainedExperiment,
} from "../experiments";
import { sha256, shownPath } from "../io";
import type { Profile } from "../settings";
import { checksumOf } from "./checksum";
import type { FamilyRun, Settings } from "./declaration";
import { jobPath, placeOf } from "./job";
import type { RunOutcome } from "./process";
import { type JobOptions, runJobs } from "./run";
import type { GridTask } from "./task";

const changes = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

const planSchema = z.strictObject({
  /** Folder of an adapter: of an experiment, or what `npm run train` left. */
  adapter: z.string(),
  /** Whose conversations are answered by an experiment's adapter. */
  split: z.enum(["valid", "test"]),
  /** The rows that are answered by what `npm run train` left; its validation if it is not said. */
  data: z.string().optional(),
  /** Settings of all rows. */
  set: changes,
  /** Ways of generating, by the names of their rows. */
  ways: z.array(z.strictObject({ name: z.string(), changes })),
  /** Whether the base model answers too. */
  base: z.boolean(),
  /** Whether the bounds of equal length do. */
  bounds: z.boolean(),
});

/** What is evaluated, and on what. */
export type EvaluationPlan = z.infer<typeof planSchema>;

/** What the base model's row is called. */
export const BASE_ROW = "base model";

/** An evaluation that is ready to begin. */
export interface OpenEvaluation {
  readonly evaluate: (place: EvaluationPlace) => Promise<EvaluatedVariant[]>;
  /** The scores that say most. */
  readonly metrics: readonly Metric[];
  /** What is answered, for a table's caption. */
  readonly answered: string;
  /** What decides the result beside the plan. */
  readonly inputs: () => Promise<Record<string, string>>;
  readonly close: () => void;
}

const ofPersonas: Metric[] = ["personaCoverage", "personaCoverageContent", "ownership"];

/**
 * Opens what a plan names.
 *
 * @throws {Error} if there is no such adapter, or the plan asks of it what it cannot be asked
 */
export function openEvaluation(plan: EvaluationPlan, profile: Profile): Promise<OpenEvaluation> {
  return isTrainedByMethod(placeOf(plan.adapter)) ? openRows(plan) : openDialogues(plan, profile);
}

/** An adapter of the experiments answers conversations of the corpus. */
async function openDialogues(plan: EvaluationPlan, profile: Profile): Promise<OpenEvaluation> {
  const { split, set, ways, base: withBase, bounds } = plan;
  const adapter = placeOf(plan.adapter);
  if (plan.data !== undefined)
    throw new Error(
      `--data: ${shownPath(adapter)} was trained on conversations of the corpus, and answers these; rows are for what npm run train left`,
    );
  const base = await loadBase(profile);
  const corpus = await loadCorpus({ profile });
  const opened = openExperiment(adapter, { base, corpus });
  const settings = changeSettings(opened.settings, set);
  const answered = corpus.splits[split].slice(0, settings.nTest);
  const { train } = corpus.splits;
  const variants = [
    ...(withBase ? [experimentVariant(BASE_ROW, untrainedExperiment(settings, { base, corpus }))] : []),
    ...ways.map(({ name, changes }) => experimentVariant(name, opened, { ...set, ...changes })),
    ...(bounds
      ? [randomBaseline(train, settings.seed), retrievalBaseline(train), referenceBaseline()]
      : []
    ).map((bound) => cutVariant(bound, settings.maxNewTokens, base.tokenizer)),
  ];
  return {
    evaluate: (place) => evaluateVariants(variants, answered, { ...place, seed: settings.seed }),
    metrics: ["bleu", "rougeL", "jaccard", ...ofPersonas, "distinct2", "outputTokens"],
    answered: `${answered.length} ${split} conversations`,
    inputs: async () => ({
      adapter: await checksumOf(adapter),
      model: await checksumOf(base.source.directory),
      corpus: sha256(corpus.files.map((file) => file.sha256).join()),
    }),
    close: () => base.checkpoint.close(),
  };
}

/** What npm run train left answers rows of a file. */
async function openRows({ set, ways, base: withBase, ...plan }: EvaluationPlan): Promise<OpenEvaluation> {
  const adapter = placeOf(plan.adapter);
  const model = await openTrained(adapter);
  const { validation } = model.config;
  const path =
    plan.data !== undefined ? placeOf(plan.data) : typeof validation === "string" ? validation : undefined;
  if (path === undefined)
    throw new Error("--data: name the JSONL file with the rows to be answered, which were not trained on");
  const settings = answeringSettings(set, "--set");
  const asked = askedRows(path, { seed: settings.seed, limit: settings.nTest });
  const { adapter: _, ...untrained } = model;
  const variants = [
    ...(withBase ? [answeringVariant(BASE_ROW, untrained, settings)] : []),
    ...ways.map(({ name, changes }) =>
      answeringVariant(name, model, answeringSettings({ ...set, ...changes }, `--variant ${name}`)),
    ),
  ];
  const isKnown = asked.some(({ personas }) => personas.some(({ facts }) => facts.length > 0));
  return {
    evaluate: (place) => evaluateVariants(variants, asked, { ...place, seed: settings.seed }),
    metrics: [
      "bitsPerByte",
      "perplexity",
      "rougeL",
      ...(isKnown ? ofPersonas : []),
      "distinct2",
      "outputTokens",
    ],
    answered: `${asked.length} rows of ${shownPath(path)}`,
    inputs: async () => ({
      adapter: await checksumOf(adapter),
      model: await checksumOf(model.base.source.directory),
      data: await checksumOf(path),
    }),
    close: () => model.base.checkpoint.close(),
  };
}

/** A plan as the settings of a job, and back. */
const toSettings = ({ data, set, ways, ...plan }: EvaluationPlan): Settings => ({
  ...plan,
  ...(data !== undefined && { data }),
  set: JSON.stringify(set),
  ways: JSON.stringify(ways),
});
const toPlan = ({ set, ways, ...plan }: Settings): EvaluationPlan =>
  planSchema.parse({
    ...plan,
    ...{ set: JSON.parse(String(set)) as unknown, ways: JSON.parse(String(ways)) as unknown },
  });

/** Evaluates what a plan names, into the files of the run. */
export const gridTask: GridTask = {
  settings: (given) => toSettings(toPlan(given)),

  inputs: async (profile, runs) => {
    const [first] = runs; // all are of one adapter and one set of cases
    const opened = await openEvaluation({ ...toPlan(first!), ways: [], base: false, bounds: false }, profile);
    const inputs = await opened.inputs();
    opened.close();
    return runs.map(() => inputs);
  },

  work: () => ({ units: 1, unit: "evaluations" }),

  files: (id) => Object.values(evaluationPaths({ directory: "", runId: id })),

  async run(settings, { id, directory, profile, phase, progress }) {
    const opened = await openEvaluation(toPlan(settings), profile);
    phase("evaluating");
    try {
      const evaluated = await opened.evaluate({ directory, runId: id });
      progress(1);
      return { cases: evaluated.reduce((sum, { cases }) => sum + cases.length, 0) };
    } finally {
      opened.close();
    }
  },
};

/** The parts of a plan that can be evaluated apart, each as a plan with a name of its own. */
function partsOf(plan: EvaluationPlan, runId: string | undefined): FamilyRun[] {
  const none = { ...plan, ways: [], base: false, bounds: false };
  const parts: [string, EvaluationPlan][] = [
    ...(plan.base ? [["base", { ...none, base: true }] as [string, EvaluationPlan]] : []),
    ...plan.ways.map((way): [string, EvaluationPlan] => {
      const slug = way.name.replace(/[^\w.-]+/g, "_").slice(0, 40);
      return [`${slug}-${sha256(way.name).slice(0, 6)}`, { ...none, ways: [way] }];
    }),
    ...(plan.bounds ? [["bounds", { ...none, bounds: true }] as [string, EvaluationPlan]] : []),
  ];
  return parts.map(([name, part]) => {
    const id = `${runId ?? "evaluation"}-${name}`;
    return { id, family: id, settings: toSettings(part) };
  });
}

/**
 * Evaluates a plan as jobs, one for each row (the bounds are one), and adds what they found to the evaluation's files.
 *
 * @returns what was evaluated, in the plan's order, and what became of the jobs
 * @throws {Error} as `runGrid`, and as {@link openEvaluation}
 */
export async function evaluateAsJobs(
  plan: EvaluationPlan,
  profile: Profile,
  place: EvaluationPlace,
  options: Omit<JobOptions, "directory" | "changed">,
): Promise<{ evaluated: EvaluatedVariant[]; outcomes: RunOutcome[] }> {
  const data = plan.data === undefined ? {} : { data: jobPath(plan.data) };
  const sent = { ...plan, ...data, adapter: jobPath(plan.adapter) };
  const directory = join(place.directory, "jobs");
  const outcomes = await runJobs(__filename, partsOf(sent, place.runId), {
    ...options,
    ...{ directory, profile, changed: "rerun" as const }, // as rows of the same name are replaced
  });
  const evaluated = outcomes.flatMap(({ id, outcome }) => {
    if (outcome !== "done" && outcome !== "skipped") return [];
    const { variants, cases } = readEvaluation({ directory, runId: id });
    return variants.map((summary) => ({ summary, cases: cases.get(summary.variant) ?? [] }));
  });
  addVariants(place, evaluated);
  return { evaluated, outcomes };
}
