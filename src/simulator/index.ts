/** The persona simulator: what it is trained on, and where that comes from. */
export { type RejectedDialogue, sortOut } from "./accept";
export * from "./checks";
export * from "./embedded";
export * from "./figure";
export { dialogueProblem, dialogueRuns, outOfPlay } from "./fit";
export * from "./generate";
export * from "./judged";
export * from "./safety";
export * from "./sole-writer";
export * from "./teacher";
export * from "./topics";
export { type SimulatorPageOptions, writeSimulatorPage } from "./write-page";
