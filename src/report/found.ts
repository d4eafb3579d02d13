import { basename, dirname, join, relative, sep } from "node:path";
import { z } from "zod";
import {
  type EvaluationCase,
  type Identity,
  identityOf,
  readEvaluation,
  type VariantKind,
  variantKinds,
  type VariantSummary,
} from "../evaluation";
import { filesOf } from "../io";
import type { Manifest } from "../notebook";
import type { JsonPath, Sources } from "../paper";

/** A variant that an evaluation left, with the place of its row. */
export interface FoundVariant {
  kind: VariantKind;
  /** Its name, with the run's in front where another one has the same. */
  name: string;
  /** What it is called together with others that differ in the seed of their training only; the run's name as in `name`. */
  family: string;
  identity: Identity;
  run: string | null;
  /** The summary file, relative to the folder of outputs, and the row in it. */
  file: string;
  path: JsonPath;
  summary: VariantSummary;
  cases: readonly EvaluationCase[];
}

/** What a folder of outputs holds. */
export interface FoundOutputs {
  /** Evaluated on the same conversations as most: these can be compared. Bounds first, then as in the files. */
  variants: FoundVariant[];
  /** Evaluated on other conversations. */
  others: FoundVariant[];
  /** Manifests by notebook. */
  manifests: { file: string; manifest: Manifest }[];
  /** The files with summaries. */
  files: string[];
  /** What could not be used, and why. */
  problems: string[];
}

/** Notebooks and grids leave what counts beside or in their folders; deeper ones hold adapters and examples. */
const depth = 1;

/** Every evaluation and manifest below the folder of `sources`, whoever left them. */
export function findOutputs(sources: Sources): FoundOutputs {
  const all = filesOf(sources.folder, depth)
    .map((path) => relative(sources.folder, path).split(sep).join("/"))
    .filter((file) => !file.startsWith("report/"));
  const files = all.filter((file) => /(^|\/)stage3_summary(_[\w.-]+)?\.json$/.test(file));
  const problems: string[] = [];
  const found = files.flatMap((file) => {
    try {
      return readSummary(sources, file, problems);
    } catch (error) {
      problems.push((error as Error).message);
      return [];
    }
  });
  const manifests = all
    .filter((file) => basename(file) === "manifest.json")
    .flatMap((file) => {
      const parsed = manifestSchema.safeParse(sources.read(file));
      if (parsed.success) return [{ file, manifest: parsed.data as Manifest }];
      problems.push(`${file} is no manifest of a run`);
      return [];
    });
  const unique = found.filter(
    ({ summary }, i) =>
      !found
        .slice(0, i)
        .some((one) => one.summary.variant === summary.variant && sameResult(one.summary, summary)),
  );
  for (const one of unique) {
    const shared = unique.some((other) => other !== one && other.summary.variant === one.summary.variant);
    if (one.run === null || !shared) continue;
    one.name = `${one.run}: ${one.name}`;
    one.family = `${one.run}: ${one.family}`;
  }
  const sets = new Map<string, number>();
  for (const { summary } of unique) sets.set(summary.caseSet, (sets.get(summary.caseSet) ?? 0) + 1);
  const main = [...sets].sort(([, a], [, b]) => b - a)[0]?.[0];
  unique.sort((a, b) => variantKinds.indexOf(a.kind) - variantKinds.indexOf(b.kind));
  return {
    variants: unique.filter(({ summary }) => summary.caseSet === main),
    others: unique.filter(({ summary }) => summary.caseSet !== main),
    manifests,
    files,
    problems,
  };
}

/** Whether two rows are one evaluation, done by two notebooks. */
function sameResult(a: VariantSummary, b: VariantSummary): boolean {
  const rest = ({ settings, casesSha256, metrics }: VariantSummary) =>
    JSON.stringify([{ ...settings, adapter: Boolean(settings["adapter"]) }, casesSha256, metrics]);
  return rest(a) === rest(b);
}

const manifestSchema = z.object({
  name: z.string(),
  profile: z.string(),
  seed: z.number(),
  started: z.string(),
  finished: z.string(),
  seconds: z.number(),
  parameters: z.record(z.string(), z.unknown()),
  versions: z.record(z.string(), z.string()),
  inputs: z.array(z.object({ path: z.string(), bytes: z.number(), sha256: z.string() })),
  files: z.array(z.object({ path: z.string(), bytes: z.number(), sha256: z.string() })),
});

function readSummary(sources: Sources, file: string, problems: string[]): FoundVariant[] {
  const run = /stage3_summary_(.+)\.json$/.exec(file)?.[1] ?? null;
  const directory = join(sources.folder, dirname(file));
  const { variants, cases } = readEvaluation(run === null ? { directory } : { directory, runId: run });
  const rows = (sources.read(file) as { variants: { variant: string }[] }).variants;
  for (const { variant } of rows) {
    if (!variants.some((one) => one.variant === variant))
      problems.push(
        `${file}: the cases of "${variant}" are not those of its summary, or an older version scored them; it has to be evaluated again`,
      );
  }
  const old = variants.filter(({ identity }) => identity === undefined).length;
  if (old > 0)
    problems.push(
      `${file}: an older version wrote ${old} of its rows, which do not say what they are: their bounds count as baselines, and a model as trained as it was asked; evaluate them again`,
    );
  return variants.map((summary): FoundVariant => {
    const row = rows.findIndex(({ variant }) => variant === summary.variant);
    const identity = identityOf(summary);
    // A grid names a run's variant after the run.
    const named = (name: string) => (run === summary.variant ? `run ${name}` : name);
    return {
      kind: identity.kind,
      name: named(summary.variant),
      // What is cut has its length in its name alone.
      family: named(identity.cut === null ? identity.family : summary.variant),
      identity,
      run,
      file,
      path: ["variants", row],
      summary,
      cases: cases.get(summary.variant)!,
    };
  });
}

/** The file beside an adapter that says how it was trained, relative to the outputs, which may have been moved. */
export function trainingFile(
  sources: Sources,
  { settings }: Pick<VariantSummary, "settings">,
): string | undefined {
  const { adapter } = settings;
  if (typeof adapter !== "string") return undefined;
  const moved = /\/(runs\/.+)$/.exec(adapter.replaceAll("\\", "/"))?.[1];
  return [
    sources.locate(adapter, "settings.json"),
    moved && sources.locate(sources.folder, moved, "settings.json"),
  ].find((file): file is string => Boolean(file && sources.sha256(file)));
}
