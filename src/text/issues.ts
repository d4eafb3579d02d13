import { z } from "zod";
import { didYouMean } from "./nearest";

/**
 * What zod found wrong with a value, a line each: what is allowed, the value, and its name.
 *
 * @param known the names that the value may have, to find what a wrong one was meant to be
 */
export function describeIssues(error: z.ZodError, value: unknown, known: readonly string[]): string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys")
      return issue.keys.map(
        (key) => `"${[...issue.path, key].join(".")}": there is no such name.${didYouMean(key, known)}`,
      );
    const found = issue.path.reduce<unknown>(
      (inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key],
      value,
    );
    if (issue.code === "invalid_type" && found === undefined && issue.path.length > 0)
      return [`there is no ${z.core.toDotPath(issue.path)}`];
    const shown = found === undefined || typeof found === "object" ? "" : `, not ${JSON.stringify(found)}`;
    const place = issue.path.length === 0 ? "" : `, at ${z.core.toDotPath(issue.path)}`;
    return [issue.message + shown + place];
  });
}
