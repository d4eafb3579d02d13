/**
 * What notebooks import: names that cells use, in groups, and below them a namespace for everything else of a room
 * (`lora.`, `t5.`, `engine.`): type its name and a dot to see what belongs together.
 */

// A notebook's run: parameters, outputs, tables, progress.
export { itemAt, startRun } from "./notebook";
export { clearOutput, display, interruptSignal, liveDisplay, showTable, startProgress } from "./display";
export { shownPath, writeCsv, writeJson } from "./io";
export { Random } from "./random";

// Conversations, and models' inputs made of them.
export {
  loadCorpus,
  measureConversations,
  oddities,
  splitNames,
  splitOverlap,
  splitWords,
  unseenShare,
  utterances,
  vocabulary,
} from "./corpus";
export { buildPrompt, buildTarget, promptVariants } from "./prompts";
export { escapeHtml, shorten } from "./text";
export { findTokenizer } from "./models/tokenizer";

// Pictures.
export {
  bars,
  boxes,
  ecdf,
  heatmap,
  histogram,
  linePanels,
  lines,
  matrices,
  scatter,
  showFigure,
} from "./figures";

// Ways to answer, bounds, and what they score.
export {
  cutVariant,
  proposalRows,
  randomBaseline,
  referenceBaseline,
  retrievalBaseline,
  scoresByLength,
  templateBaseline,
} from "./baselines";
export {
  caseBundle,
  type CaseMetric,
  compareVariants,
  comparisonRows,
  evaluateVariants,
  evaluationPaths,
  scoreRows,
  type SetMetric,
  sideBySideBundle,
} from "./evaluation";
export {
  effectRows,
  errorRates,
  errorRows,
  evaluateSeeds,
  factFates,
  findErrors,
  meanOverSeeds,
  type PlannedSeeds,
  seededRows,
  type SeededVariant,
  trainAll,
} from "./analysis";

// Training a model and using it.
export {
  changeSettings,
  defaultExperiment,
  encodeExamples,
  experimentCheckpoint,
  experimentParameters,
  type ExperimentSettings,
  experimentSplits,
  experimentVariant,
  inputBuilder,
  liveTraining,
  loadBase,
  notebookExperiment,
  openExperiment,
  saveExperiment,
  type TrainedExperiment,
  trainExperiment,
  untrainedExperiment,
} from "./experiments";
export { mergedWeight, readAdapter, weightChanges, weightChangeTable } from "./models/lora";
export { exportTransformersJs, generateWithTransformersJs } from "./export";
export { chat } from "./chat";

// Many runs, and the report about them.
export {
  costRows,
  gridHeatmap,
  gridRecords,
  gridRows,
  planGrid,
  readGrid,
  runGrid,
  seededRuns,
  varyingSettings,
} from "./grid";
export { recompute, writeReport } from "./report";

// Everything else, room by room.
export * as alignment from "./alignment";
export * as analysis from "./analysis";
export * as chatApi from "./chat-api";
export * as corpus from "./corpus";
export * as embedding from "./embedding";
export * as engine from "./engine";
export * as evaluation from "./evaluation";
export * as experiments from "./experiments";
export * as figures from "./figures";
export * as generation from "./generation";
export * as grid from "./grid";
export * as io from "./io";
export * as metrics from "./metrics";
export * as models from "./models";
export * as judges from "./judges";
export * as lora from "./models/lora";
export * as llama from "./models/llama";
export * as t5 from "./models/t5";
export * as paper from "./paper";
export * as personality from "./personality";
export * as prompts from "./prompts";
export * as report from "./report";
export * as retrieval from "./retrieval";
export * as scorers from "./scorers";
export * as simulator from "./simulator";
export * as sql from "./sql";
export * as statistics from "./statistics";
export * as synthesis from "./synthesis";
export * as tensors from "./tensors";
export * as text from "./text";
export * as training from "./training";
