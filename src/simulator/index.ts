/** The persona simulator: what it is trained on, and where that comes from. */
export * from "./checks";
export * from "./safety";
export * from "./topics";
