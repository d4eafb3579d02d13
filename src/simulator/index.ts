/** The persona simulator: what it is trained on, and where that comes from. */
export { type RejectedDialogue, sortOut } from "./accept";
export * from "./checks";
export * from "./embedded";
export * from "./figure";
export * from "./generate";
export * from "./judged";
export * from "./safety";
export * from "./teacher";
export * from "./topics";
export { type SimulatorPageOptions, writeSimulatorPage } from "./write-page";
