/** Settings in sections, each declared once with its type, defaults, names and meaning. */
export * from "./notebook";
export * from "./profile";
export * from "./section";
export * as sections from "./sections";
export { changeRetrieval, type Retriever, retrievers } from "./sections/input";
export { generationSettings } from "./sections/generation";
export { rangeOf, setting, type Range, type Setting, type SettingKind } from "./setting";
