/** What helps where weights are not those that their config means. */
export const FROM_ONE_PLACE =
  "weights and config.json are of different models, or one is not whole: take both from one repository";
/** What helps where a model in one file holds other tensors than its sizes mean. */
export const CONVERT_ANEW =
  "the file is not whole, or whoever wrote it took another kind of model for this one: download it again, or convert the model anew";

/** @throws {Error} if a tensor of the file at `path` has not the shape that its config asks for; it ends with what to do */
export function requireShape(
  path: string,
  name: string,
  shape: readonly number[],
  wanted: readonly number[],
  mend = FROM_ONE_PLACE,
): void {
  if (shape.join() === wanted.join()) return;
  throw new Error(
    `${path}: tensor ${name} has shape [${shape.join(", ")}], not [${wanted.join(", ")}]; ${mend}`,
  );
}

/** The first eight names, and how many more there are. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
