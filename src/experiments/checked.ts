import type { z } from "zod";
import { resolveGenerationOptions } from "../generation";
import { generationSettings } from "../settings";
import { describeIssues } from "../text";

/**
 * Checks settings by their schema, and whether those of generation go together.
 *
 * @param known the names that there are
 * @param where begins the error's message
 * @throws {RangeError} naming every setting that is unknown or out of its range
 */
export function checkedSettings<T extends Parameters<typeof generationSettings>[0]>(
  schema: z.ZodType<T>,
  known: readonly string[],
  value: unknown,
  where: string,
): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const problems = describeIssues(parsed.error, value, known).join("; ");
    throw new RangeError(`${where}: ${problems}\nThe settings are ${known.join(", ")}.`);
  }
  try {
    resolveGenerationOptions(generationSettings(parsed.data));
  } catch (error) {
    throw new RangeError(`${where}: ${(error as Error).message}`, { cause: error });
  }
  return parsed.data;
}
