/** Scorers: a head on the states of whole texts, over any kind of model that says how. */
export { hasScores, headModules, scorerArchitecture, type ScorerModel, scorerModel } from "./architecture";
export { type HeadConfig, type ScorerConfig, type ScorerKind, scorerKinds, textsOf } from "./config";
export { hasVectors, textEncoder, type TextEncoder } from "./encoder";
export { openScorerDirectory } from "./open";
export type { ScorerForm, TextBatch } from "./form";
