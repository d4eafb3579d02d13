/** Scorers: who says a label of a text, or how good one is. They are trained, measured and opened here. */
export { type MeasuredCard, readCard, type ScorerCard, writeCard } from "./card";
export { type Comparison, compareWithBaselines, LOGISTIC, measuredCard } from "./compare";
export {
  answerConsistency,
  type ConsistencyDefinition,
  type ConsistencyOptions,
  type ConsistencyScore,
  consistencyScore,
  type FactedAnswer,
  scoreConsistency,
} from "./consistency";
export { compareFolds, crossValidate, type Fit, foldsOf, logisticFit } from "./folds";
export { type Features, featuresOf, featuresOfSecond } from "./logistic/features";
export { fitLogistic, type LogisticExample, type LogisticOptions } from "./logistic/fit";
export { inferenceScorer } from "./inference";
export { logisticScorer } from "./logistic/scorer";
export {
  accuracyDifference,
  type LabelMeasures,
  measureLabels,
  measureScorer,
  type Reliability,
} from "./measure";
export { modelScorer, type ModelScorerOptions } from "./model-scorer";
export {
  embeddedScorers,
  openLabelScorer,
  openMeasuredScorer,
  openRewardScorer,
  openScorer,
  type OpenScorerOptions,
} from "./open";
export { scorerReadme } from "./readme";
export { type LabelledText, readLabelledTexts } from "./rows";
export { type LabelScorer, likeliest, type RewardScorer, type ScoredText, type Scorer } from "./scorer";
export {
  checkScorerTraining,
  type ScorerTraining,
  scorerTrainingFields,
  type TrainedScorer,
  trainScorer,
} from "./train";
export { transformersScorer } from "./transformers";
