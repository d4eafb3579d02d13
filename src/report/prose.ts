import { proseWith } from "../paper";

/** The study's running text, with the names in it that have a digit. */
export const prose = proseWith("T5", "BM25", "SHA-256");
