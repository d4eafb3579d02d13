/**
 * What is wrong with the structure of a LaTeX file: unbalanced braces or environments, an odd number of `$`, a reference
 * without its label, a citation without its entry.
 */
export function latexProblems(latex: string, bibtex: string): string[] {
  const problems: string[] = [];
  const plain = latex.replace(/\\[\\{}$%&#_]/g, "").replace(/(?<!\\)%.*/g, "");
  let depth = 0;
  for (const character of plain) {
    if (character === "{") depth++;
    if (character === "}" && --depth < 0) problems.push("a } without {");
  }
  if (depth > 0) problems.push(`${depth} { are not closed`);
  if ((plain.match(/\$/g) ?? []).length % 2 === 1) problems.push("an odd number of $");
  const open: string[] = [];
  for (const [, what, name] of latex.matchAll(/\\(begin|end)\{([^}]*)\}/g)) {
    if (what === "begin") open.push(name!);
    else if (open.pop() !== name) problems.push(`\\end{${name}} closes something else`);
  }
  if (open.length > 0) problems.push(`not ended: ${open.join(", ")}`);
  const all = (pattern: RegExp) => [...latex.matchAll(pattern)].flatMap(([, keys]) => keys!.split(","));
  const labels = all(/\\label\{([^}]*)\}/g);
  if (new Set(labels).size < labels.length) problems.push("a label is given twice");
  for (const label of all(/\\ref\{([^}]*)\}/g))
    if (!labels.includes(label)) problems.push(`no label ${label}`);
  for (const key of all(/\\cite\{([^}]*)\}/g)) {
    if (!new RegExp(`^@\\w+\\{${key},$`, "m").test(bibtex)) problems.push(`no entry ${key}`);
  }
  return problems;
}
