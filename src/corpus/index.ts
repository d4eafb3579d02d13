/** Personas and dialogues, the files that hold them, and what they are made of. */
export * from "./csv";
export * from "./dialogue";
export * from "./jsonl";
export { JsonlError, parseJsonLines, readJsonlFile } from "./lines";
export * from "./persona";
export * from "./records";
export * from "./row-personas";
export * from "./rows";
export * from "./selections";
export * from "./spc";
export * from "./specification";
export * from "./statistics";
