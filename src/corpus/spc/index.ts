/** Synthetic-Persona-Chat, and the sample in its form: rows of CSV files, and splits of them. */
export * from "./conversation";
export * from "./load";
export * from "./read";
export * from "./source";
export * from "./splits";
export * from "./types";
