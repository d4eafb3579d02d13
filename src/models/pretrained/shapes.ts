/** @throws {Error} if a tensor of the file at `path` has not the shape that its config asks for */
export function requireShape(
  path: string,
  name: string,
  shape: readonly number[],
  wanted: readonly number[],
): void {
  if (shape.join() === wanted.join()) return;
  throw new Error(`${path}: tensor ${name} has shape [${shape.join(", ")}], not [${wanted.join(", ")}]`);
}

/** The first eight names, and how many more there are. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
