import type { EncodedRows } from "./encode";

/** Lines that are named; of more it is said how many they are. */
const NAMED = 5;

/** What a reader should know of how rows became examples, a sentence each. */
export function describeRows(
  { examples, path, tokens, labels, longest, shortened, turnsLeftOut, leftOut, joined, unknown }: EncodedRows,
  maxLength: number,
): string[] {
  const of = (count: number, what: string) =>
    `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  return [
    `${path}: ${of(examples.length, "example")}, ${of(tokens, "token")}; ${of(labels, "token")} to be learned`,
    ...(shortened.length > 0
      ? [
          `${of(shortened.length, "row")} had more than ${maxLength} tokens (maxLength) and lost the oldest turns, ${turnsLeftOut} in all: ${lines(shortened)}`,
        ]
      : []),
    ...(leftOut.length > 0
      ? [
          `${of(leftOut.length, "row")} left out, as no answer is cut: more than ${maxLength} tokens (maxLength), up to ${longest}: ${lines(leftOut)}`,
        ]
      : []),
    ...(joined.length > 0
      ? [
          `${of(joined.length, "prompt")} whose last token joins with the completion, so that the model is asked otherwise than it learned; begin the ` +
            `completion with the space, not end the prompt with it: ${lines(joined)}`,
        ]
      : []),
    ...(unknown.length > 0
      ? [`${of(unknown.length, "row")} with characters that the tokenizer does not know: ${lines(unknown)}`]
      : []),
  ];
}

/** Lines of a file by their numbers. */
export function lines(all: readonly number[]): string {
  const named = all.slice(0, NAMED).join(", ");
  const more = all.length > NAMED ? ` and ${all.length - NAMED} more` : "";
  return `line${all.length === 1 ? "" : "s"} ${named}${more}`;
}
