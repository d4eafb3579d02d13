import { arch, cpus, platform, totalmem } from "node:os";
import { dirname } from "node:path";
import { mean } from "simple-statistics";
import { type ErrorRates, errorRates, isShown, meanOverSeeds } from "../analysis";
import { proposalRows, type ReportedRow } from "../baselines";
import { findPart, loadCorpus, measureConversations, type SplitName, splitNames } from "../corpus";
import { type CaseMetric, caseMetrics, factsCounted, type SetMetric } from "../evaluation";
import { sha256File } from "../io";
import { type Interval, randomizationTrials } from "../metrics";
import type { Sources } from "../paper";
import {
  type Effect,
  type EffectKind,
  effectMetrics,
  type Family,
  groupFamilies,
  measureEffects,
  significance,
} from "./effects";
import type { FoundOutputs, FoundVariant } from "./found";
import { selectContrasts, selected, type Selection } from "./selection";

/** Scores of variants that differ in their seed only: means over seeds and conversations, intervals over both. */
export interface FamilyScores {
  name: string;
  /** The names of its variants, a seed each. */
  variants: string[];
  seeds: number;
  files: string[];
  metrics: Partial<Record<SetMetric, Interval | { value: number }>>;
}

/** How the effects of one kind turned out in one score. */
export interface Tally {
  effects: number;
  higher: number;
  lower: number;
  undecided: number;
}

export interface SplitCounts {
  conversations: number;
  turns: number;
  words: number;
  facts: number;
}

/** Shares of facts and turns, 0–1, in the answers of a variant, over all its seeds. */
export interface FamilyErrors extends ErrorRates {
  name: string;
}

/** A case that the report shows, and where it is from. */
export interface ShownCase {
  variant: string;
  file: string;
  id: string;
  metrics: Partial<Record<CaseMetric, number>>;
}

/** What the report computes from the files of runs: `computed.json`, so that these values too are read from a file. */
export interface Computed {
  version: 1;
  seed: number;
  /** The machine that made the report. */
  machine: { processor: string; cores: number; memoryGiB: number; system: string; node: string };
  /** Means over the conversations of each split, read from the files that the runs' manifests name. */
  corpus?: { directory: string; splits: Record<SplitName, SplitCounts> };
  /** Files of results, with their checksums. */
  files: { file: string; sha256: string; variants: number }[];
  counts: { variants: number; models: number; files: number; others: number };
  trials: number;
  significance: number;
  /** Of several seeds; a single one has its scores in its summary. */
  families: FamilyScores[];
  /** Of each variant that the report tells of, how many facts came up in the answers of all its seeds. */
  facts: { name: string; variants: string[]; counted: number }[];
  effects: Effect[];
  tallies: Partial<Record<EffectKind, Record<(typeof effectMetrics)[number], Tally>>>;
  errors: FamilyErrors[];
  cases: ShownCase[];
  /** What the project's proposal reports, which no run here left. */
  proposal: readonly ReportedRow[];
}

/**
 * @param selection the variants that the report tells of
 * @param shown the cases to show
 * @param examined whose errors are counted
 */
export async function computeValues(
  found: FoundOutputs,
  sources: Sources,
  selection: Selection,
  shown: readonly { variant: FoundVariant; index: number }[],
  examined: readonly Family[],
  seed: number,
): Promise<Computed> {
  const effects = measureEffects(selectContrasts(found.variants, selection), seed);
  const all = [...found.variants, ...found.others];
  const corpus = await countCorpus(found);
  return {
    version: 1,
    seed,
    machine: {
      processor: cpus()[0]?.model ?? "unknown",
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      system: `${platform()} ${arch()}`,
      node: process.versions.node,
    },
    ...(corpus ? { corpus } : {}),
    files: found.files.map((file) => ({
      file,
      sha256: sources.sha256(file) ?? "",
      variants: all.filter((variant) => variant.file === file).length,
    })),
    counts: {
      variants: found.variants.length,
      models: found.variants.filter(({ kind }) => kind === "model").length,
      files: found.files.length,
      others: found.others.length,
    },
    trials: randomizationTrials,
    significance,
    families: groupFamilies(all).flatMap((family) =>
      family.members.length > 1 ? [familyScores(family, seed)] : [],
    ),
    facts: selected(selection).map(({ name, members }) => ({
      name,
      variants: members.map((one) => one.name),
      counted: factsCounted(members.flatMap(({ cases }) => cases)),
    })),
    effects,
    tallies: tally(effects),
    errors: examined.map(({ name, members }) => ({
      name,
      ...errorRates(
        members.flatMap(({ cases }) => cases),
        { seed },
      ),
    })),
    cases: shown.map(({ variant, index }) => {
      const { id, metrics } = variant.cases[index]!;
      return { variant: variant.name, file: variant.file, id, metrics };
    }),
    proposal: proposalRows,
  };
}

function familyScores({ name, members }: Family, seed: number): FamilyScores {
  const { confidence, resamples } = members[0]!.summary;
  const resampled = (["ownership", ...caseMetrics] as const).map(
    (metric) => [metric, meanOverSeeds(members, metric, { confidence, resamples, seed })] as const,
  );
  const bleu = { value: mean(members.map(({ summary }) => summary.metrics.bleu.value)) };
  return {
    name,
    variants: members.map(({ name }) => name),
    seeds: members.length,
    files: [...new Set(members.map(({ file }) => file))],
    metrics: { bleu, ...Object.fromEntries(resampled) },
  };
}

function tally(effects: readonly Effect[]): Computed["tallies"] {
  const tallies: Computed["tallies"] = {};
  for (const kind of new Set(effects.map((effect) => effect.kind))) {
    tallies[kind] = Object.fromEntries(
      effectMetrics.map((metric) => {
        const these = effects.filter((effect) => effect.kind === kind && effect.metric === metric);
        const decided = these.filter((effect) => isShown(effect, effect.adjusted, significance));
        const higher = decided.filter(({ difference }) => difference > 0).length;
        const [total, lower] = [these.length, decided.length - higher];
        return [metric, { effects: total, higher, lower, undecided: total - higher - lower }];
      }),
    ) as Record<(typeof effectMetrics)[number], Tally>;
  }
  return tallies;
}

/** Counts the corpus that the runs read, if its files are still what the manifests say. */
async function countCorpus({ manifests }: FoundOutputs): Promise<Computed["corpus"]> {
  for (const { manifest } of [...manifests].sort((a, b) =>
    a.manifest.finished < b.manifest.finished ? 1 : -1,
  )) {
    const inputs = new Map(manifest.inputs.map(({ path, sha256 }) => [path, sha256]));
    for (const directory of new Set([...inputs.keys()].map((path) => dirname(path)))) {
      try {
        const parts = splitNames.map((split) => findPart(directory, split));
        const same = await Promise.all(
          parts.map(async (path) => inputs.get(path) === (await sha256File(path))),
        );
        if (!same.every(Boolean)) continue;
      } catch {
        continue; // not the corpus' folder, or it has gone
      }
      const { splits } = await loadCorpus({ directory });
      const counts = splitNames.map((split) => {
        const measures = measureConversations(splits[split]);
        return [
          split,
          {
            conversations: measures.length,
            turns: mean(measures.map(({ turns }) => turns)),
            words: mean(measures.map(({ words }) => words)),
            facts: mean(measures.map(({ factsUser1, factsUser2 }) => factsUser1 + factsUser2)),
          },
        ] as const;
      });
      return { directory, splits: Object.fromEntries(counts) as Record<SplitName, SplitCounts> };
    }
  }
  return undefined;
}

/** Where a family stands in {@link Computed.families}, of those with several seeds, or in {@link Computed.facts}. */
export function familyIndex(
  families: readonly { readonly variants: readonly string[] }[],
  { members }: Pick<Family, "members">,
): number {
  const names = members.map(({ name }) => name).join("\n");
  return families.findIndex(({ variants }) => variants.join("\n") === names);
}
