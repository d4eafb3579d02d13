/** Persona-aware alignment: which fact a turn rests on, stages of training that learn it, and selecting before answering. */
export * from "./agreement";
export * from "./answers";
export { howCut, isUnspaced, scoredTokens, spaced } from "./cut";
export * from "./cost";
export * from "./dialogues";
export * from "./evaluate";
export * from "./labels";
export * from "./mixture";
export * from "./plan";
export * from "./preferences";
export * from "./prompts";
export * from "./scores";
export * from "./second-model";
export * from "./select";
export * from "./show";
export * from "./splits";
export * from "./stages";
