// A clean filter for git: a notebook comes in on stdin and goes out on stdout without outputs and execution counts; every
// other byte stays as it is. What is no notebook ends with an error, and git then takes it as it is.
// `npm run lab -- --clean-outputs` sets it up.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    process.stdout.write(withoutOutputs(readFileSync(0, "utf8")));
  } catch (error) {
    console.error(`clean-outputs: ${error.message}; nothing is left out`);
    process.exitCode = 1;
  }
}

/** The text of a notebook (format 4) without outputs and execution counts. */
export function withoutOutputs(text) {
  const notebook = JSON.parse(text); // what follows reads valid JSON only
  if (!Array.isArray(notebook?.cells)) throw new Error("this is no notebook of format 4: it has no cells");
  const [, start] = members(text, text.indexOf("{")).find(([key]) => key === "cells");
  let clean = "";
  let done = 0;
  for (const cell of elements(text, start)) {
    const parts = members(text, cell);
    if (!parts.some(([key, from, to]) => key === "cell_type" && text.slice(from, to) === '"code"')) continue;
    for (const [key, from, to] of parts) {
      const empty = { outputs: "[]", execution_count: "null" }[key];
      if (empty === undefined) continue;
      clean += text.slice(done, from) + empty;
      done = to;
    }
  }
  return clean + text.slice(done);
}

/** The members of the object that begins at `at`: their names, and where their values begin and end. */
function members(text, at) {
  const found = [];
  for (let next = skip(text, at + 1); text[next] !== "}";) {
    const keyEnd = endOf(text, next);
    const from = skip(text, keyEnd);
    const to = endOf(text, from);
    found.push([JSON.parse(text.slice(next, keyEnd)), from, to]);
    next = skip(text, to);
  }
  return found;
}

/** Where the elements of the array that begins at `at` begin. */
function elements(text, at) {
  const found = [];
  for (let next = skip(text, at + 1); text[next] !== "]"; next = skip(text, endOf(text, next)))
    found.push(next);
  return found;
}

/** The next place that is no space, colon or comma. */
function skip(text, at) {
  let next = at;
  while (" \t\r\n:,".includes(text[next])) next++;
  return next;
}

/** Where the value that begins at `at` ends: every bracket outside strings counts. */
function endOf(text, at) {
  const tokens = /["[{\]}]|[^\s,:"[\]{}]+/g;
  tokens.lastIndex = at;
  for (let depth = 0; ;) {
    const [token] = tokens.exec(text);
    if (token === '"') tokens.lastIndex = endOfString(text, tokens.lastIndex);
    else if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (depth === 0) return tokens.lastIndex;
  }
}

/** Behind the next quote that no backslash takes; strings with pictures are long. */
function endOfString(text, at) {
  for (let quote = text.indexOf('"', at); ; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (text[before - 1] === "\\") before--;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
}
