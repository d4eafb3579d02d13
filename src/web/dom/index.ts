/** For scripts of our pages; everything of theirs runs in a browser. */

/** The element of this id, which the page has. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} "${id}"`);
}

/** A new element that holds text; markup in it is shown, not obeyed. */
export function withText<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  text: string,
  className = "",
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  made.textContent = text;
  if (className !== "") made.className = className;
  return made;
}

/** What went wrong, for a reader. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
