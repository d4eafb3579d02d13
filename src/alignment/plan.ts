import { statSync } from "node:fs";
import { loadCorpus, readSelections, type Selection, type SelectionRow } from "../corpus";
import { embeddedChatModel } from "../models";
import { Random } from "../random";
import type { Profile } from "../settings";
import { didYouMean } from "../text";
import { embeddedRows, readAlignedRows, rowsOfDialogues } from "./dialogues";
import { type AlignmentForm, alignmentTasks, type AlignmentTask, type PromptOptions } from "./prompts";
import { type Selector, selectors } from "./select";
import { type StageReference, stageReferences } from "./stages";
import { inSplits, type SelectionSplits, splitSelections, type SplitRow } from "./splits";

/** The numbers of a study that a profile decides unless they are given. */
export interface StudySizes {
  /** Training rows, of which a third rest on no fact; see `drawBalanced`. */
  readonly nTrain: number;
  readonly nTest: number;
  readonly sftSteps: number;
  readonly dpoSteps: number;
  readonly batchSize: number;
  readonly sftRate: number;
  readonly dpoRate: number;
  readonly maxNewTokens: number;
  /** The most tokens of a row; a longer one loses its oldest turns. */
  readonly maxLength: number;
  readonly historyTurns: number;
}

const sizes: Record<Profile, StudySizes> = {
  quick: {
    ...{ nTrain: 320, nTest: 56, sftSteps: 40, dpoSteps: 14, batchSize: 8 },
    ...{ sftRate: 1e-3, dpoRate: 1e-4, maxNewTokens: 24, maxLength: 288, historyTurns: 3 },
  },
  full: {
    ...{ nTrain: 20_000, nTest: 500, sftSteps: 1500, dpoSteps: 400, batchSize: 16 },
    ...{ sftRate: 2e-4, dpoRate: 1e-5, maxNewTokens: 40, maxLength: 1024, historyTurns: 7 },
  },
};

/** The sizes of a profile, with those that are given and not 0 in their place. */
export function studySizes(profile: Profile, given: Partial<StudySizes> = {}): StudySizes {
  const own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== 0));
  return { ...sizes[profile], ...own };
}

/** The model of a profile: the embedded causal one, or SmolLM2-135M-Instruct from the hub. */
export const studyModel = (profile: Profile): string =>
  profile === "quick" ? embeddedChatModel : "HuggingFaceTB/SmolLM2-135M-Instruct";

/** How prompts are written for a kind of model: messages for causal ones, text for encoder–decoders. */
export const promptsFor = (taskType: string, historyTurns: number): PromptOptions => ({
  form: (taskType === "CAUSAL_LM" ? "chat" : "text") satisfies AlignmentForm,
  historyTurns,
});

/** Weights of the tasks of stage 1, in their order. */
export function taskWeights(weights: readonly number[]): Record<AlignmentTask, number> {
  if (weights.length !== alignmentTasks.length)
    throw new RangeError(
      `the mixture has ${alignmentTasks.length} weights (${alignmentTasks.join(", ")}), not ${weights.length}`,
    );
  return Object.fromEntries(alignmentTasks.map((task, i) => [task, weights[i]!])) as Record<
    AlignmentTask,
    number
  >;
}

/**
 * Rows from a file (JSONL or CSV), or from a folder of aligned files whose `train` is read.
 *
 * @throws {Error} if there is no such place
 */
export function rowsAt(path: string): SelectionRow[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw new Error(`${path}: no such file or folder of rows`);
  return found.isDirectory() ? readAlignedRows(path, "train") : readSelections(path);
}

/**
 * The rows of a study: one's own, dealt into splits by dialogues; or the turns of the profile's corpus, of the embedded one with the
 * labelled turns to choose by and to test on. Of the rows to choose by and to test on as many as there shall be, drawn by the seed, in their order.
 *
 * @param data a file or folder of rows; `""` for the profile's corpus
 */
export async function studyRows(
  { profile, data, seed }: { readonly profile: Profile; readonly data: string; readonly seed: number },
  { nTrain, nTest }: Pick<StudySizes, "nTrain" | "nTest">,
): Promise<SelectionSplits> {
  const all =
    data !== ""
      ? splitSelections(rowsAt(data), seed)
      : profile === "quick"
        ? await embeddedRows()
        : await corpusRows(profile, seed);
  const drawn = (rows: readonly SplitRow[], count: number, part: number) => {
    const chosen = new Set(
      new Random(seed)
        .fork(part)
        .shuffle([...rows.keys()])
        .slice(0, count),
    );
    return rows.filter((_, i) => chosen.has(i));
  };
  return {
    // Which of them rest on a fact is not known yet: enough to draw from.
    train: drawn(all.train, POOL * nTrain, 0),
    valid: drawn(all.valid, nTest, 1),
    test: drawn(all.test, nTest, 2),
  };
}

/** Training rows that are labelled for each that is trained on. */
const POOL = 3;

async function corpusRows(profile: Profile, seed: number): Promise<SelectionSplits> {
  const { splits } = await loadCorpus({ profile, seed });
  return inSplits({
    train: rowsOfDialogues(splits.train),
    valid: rowsOfDialogues(splits.valid),
    test: rowsOfDialogues(splits.test),
  });
}

/** What else a study can be told by names. */
export interface StudyChoices {
  readonly mixture: Record<AlignmentTask, number>;
  readonly filter: "paper" | "released";
  readonly reference: StageReference;
  readonly selector: Selector;
}

/**
 * The choices of a notebook's parameters.
 *
 * @throws {RangeError} for a name that there is not, with those that there are
 */
export function studyChoices({
  MIXTURE,
  FILTER,
  REFERENCE,
  SELECTOR,
}: {
  readonly MIXTURE: readonly number[];
  readonly FILTER: string;
  readonly REFERENCE: string;
  readonly SELECTOR: string;
}): StudyChoices {
  const oneOf = <Name extends string>(parameter: string, value: string, names: readonly Name[]): Name => {
    const found = names.find((name) => name === value);
    if (found === undefined)
      throw new RangeError(
        `${parameter}=${value}: it is one of ${names.join(", ")}.${didYouMean(value, names)}`,
      );
    return found;
  };
  return {
    mixture: taskWeights(MIXTURE),
    filter: oneOf("FILTER", FILTER, ["paper", "released"]),
    reference: oneOf("REFERENCE", REFERENCE, stageReferences),
    selector: oneOf("SELECTOR", SELECTOR, selectors),
  };
}

/** The rows whose labels people noted, by which ways to derive labels are measured: the embedded ones, or those of one's own file that have a label. */
export async function labelledRows({ data }: { readonly data: string }): Promise<SelectionRow[]> {
  const own = data === "" ? [] : rowsAt(data).filter(({ label }) => label !== undefined);
  if (own.length > 0) return own;
  const { valid, test } = await embeddedRows();
  return [...valid, ...test];
}

/** What is selected most often in rows: the choice of who never looks. */
export function commonestSelection(rows: readonly SelectionRow[]): Selection {
  const counts = new Map<Selection, number>();
  for (const { label } of rows) if (label !== undefined) counts.set(label, (counts.get(label) ?? 0) + 1);
  let best: [Selection, number] = [null, -1];
  for (const entry of counts) if (entry[1] > best[1]) best = entry;
  return best[0];
}

/** Whether a row's selection is what its label says, or is not. */
export const isSelectedRight =
  (selected: ReadonlyMap<string, Selection>, right: boolean) =>
  ({ id, label }: SelectionRow): boolean =>
    (selected.get(id) === label) === right;
