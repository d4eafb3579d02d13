/**
 * What Shift-Tab shows: the documentation of the name at the cursor and the call that the cursor is in, from TypeScript's
 * language service, as Markdown and as plain text.
 */
import type * as TypeScript from "@tslab/typescript-for-tslab";

type Ts = typeof TypeScript;
type Parts = readonly TypeScript.SymbolDisplayPart[] | undefined;

/** What is at a place of a cell; either may be missing. */
export interface Documented {
  name: TypeScript.QuickInfo | undefined;
  call: TypeScript.SignatureHelpItems | undefined;
  /** The cursor is within the name or behind it: the name comes first, and the call in short. */
  onName: boolean;
}

/** Of TypeScript's namespace, parts that its own types leave out. */
interface Internal {
  SignatureHelp: {
    getSignatureHelpItems(
      program: TypeScript.Program,
      file: TypeScript.SourceFile,
      position: number,
      reason: TypeScript.SignatureHelpTriggerReason,
      token: TypeScript.CancellationToken,
    ): TypeScript.SignatureHelpItems | undefined;
  };
}

/** Looks up what is at `position` of a program's file; undefined where nothing is known. */
export function findDocumented(
  ts: Ts,
  program: TypeScript.Program,
  file: TypeScript.SourceFile,
  token: TypeScript.CancellationToken,
  position: number,
): Documented | undefined {
  const { SignatureHelp } = ts as unknown as Internal;
  const name = ts.getQuickInfoAtPosition(file, program.getTypeChecker(), token, position);
  const call = SignatureHelp.getSignatureHelpItems(program, file, position, { kind: "invoked" }, token);
  if (!name && !call) return undefined;
  return { name, call, onName: name !== undefined && name.textSpan.start < position };
}

/** A piece of documentation: code, prose, or prose with a word or a parameter before it. */
type Block = { code: string } | { prose: Parts; label?: string; parameter?: "present" | "other" };

/** The documentation as Jupyter's front ends show it. */
export function documentationBundle(found: Documented): { "text/plain": string; "text/markdown": string } {
  const { name, call, onName } = found;
  const blocks: Block[] = [];
  if (name && (onName || !call)) blocks.push(...aboutName(name));
  if (call) blocks.push(...aboutCall(call, onName));
  return {
    "text/plain": blocks.map(plain).join("\n\n"),
    "text/markdown": blocks.map(markdown).join("\n\n"),
  };
}

function aboutName({ displayParts, documentation, tags }: TypeScript.QuickInfo): Block[] {
  const code = textOf(displayParts)
    .replace(/^\(alias\) /, "")
    .replace(/\nimport .*$/, "");
  return [{ code }, ...prose(documentation), ...aboutTags(tags)];
}

/** The signature that fits best, its present parameter, its documentation unless `short`, and the other signatures. */
function aboutCall(call: TypeScript.SignatureHelpItems, short: boolean): Block[] {
  const { items, selectedItemIndex, argumentIndex } = call;
  const item = items[selectedItemIndex]!;
  const { parameters } = item;
  const present =
    parameters[item.isVariadic ? Math.min(argumentIndex, parameters.length - 1) : argumentIndex];
  const others = items.filter((one) => one !== item);
  const blocks: Block[] = [{ code: signatureOf(item) }];
  if (!short) blocks.push(...prose(item.documentation));
  for (const one of parameters) {
    const type = textOf(one.displayParts);
    const documented = !short && one.documentation.length > 0;
    if (one !== present && !documented) continue;
    blocks.push({ label: type, prose: one.documentation, parameter: one === present ? "present" : "other" });
  }
  if (short) return blocks;
  blocks.push(...aboutTags(item.tags.filter(({ name }) => name !== "param")));
  if (others.length > 0)
    blocks.push({ label: "Or", prose: undefined }, { code: others.map(signatureOf).join("\n") });
  return blocks;
}

/** On one line, or each parameter on one of its own. */
function signatureOf(item: TypeScript.SignatureHelpItem): string {
  const parameters = item.parameters.map(({ displayParts }) => textOf(displayParts));
  const before = textOf(item.prefixDisplayParts);
  const after = textOf(item.suffixDisplayParts);
  const line = before + parameters.join(", ") + after;
  if (line.length <= 80 || parameters.length === 0) return line;
  return `${before}\n${parameters.map((one) => `  ${one.replaceAll("\n", "\n  ")},\n`).join("")}${after}`;
}

const labels: Record<string, string> = { defaultValue: "Default", return: "Returns", exception: "Throws" };

function aboutTags(tags: readonly TypeScript.JSDocTagInfo[] = []): Block[] {
  return tags.flatMap(({ name, text }): Block[] => {
    if (name === "example" && !textOf(text).includes("```"))
      return [{ label: "Example", prose: undefined }, { code: textOf(text).trim() }];
    const [subject, ...rest] = text ?? [];
    if (subject && ["param", "template", "typeParam"].includes(name))
      return [{ label: subject.text, prose: rest, parameter: "other" }];
    const label = labels[name] ?? name[0]!.toUpperCase() + name.slice(1);
    if (label !== "Throws" || !subject) return [{ label, prose: text }];
    return [{ label, prose: [{ ...subject, text: subject.text.replace(/^\{([^}]*)\}/, "$1") }, ...rest] }];
  });
}

const prose = (parts: Parts): Block[] => (parts && parts.length > 0 ? [{ prose: parts }] : []);

const textOf = (parts: Parts) => (parts ?? []).map(({ text }) => text).join("");

function plain(block: Block): string {
  if ("code" in block) return block.code;
  const text = linked(block.prose, (address, label) => (label ? `${label} (${address})` : address));
  const { label, parameter } = block;
  if (label === undefined) return text;
  return parameter ? `${marks[parameter]}${label}${text && ` — ${text}`}` : `${label}: ${text}`.trim();
}

function markdown(block: Block): string {
  if ("code" in block) return fenced(block.code);
  const web = (address: string, label: string) => (label ? `[${label}](${address})` : address);
  const text = withoutHtml(linked(block.prose, web, "`"));
  const { label, parameter } = block;
  if (label === undefined) return text;
  return parameter
    ? `${marks[parameter]}${spanned(label)}${text && ` — ${text}`}`
    : `**${escaped(label)}:** ${text}`;
}

/** Before a parameter: whether the cursor is at it. */
const marks = { present: "▸ ", other: "" };

/**
 * Prose with its `{@link …}` replaced: a name by itself in `quote`s, or by the words that it is given.
 *
 * @param web how an address with its label, if any, is written
 */
function linked(parts: Parts, web: (address: string, label: string) => string, quote = ""): string {
  let text = "";
  let link: { name: string; label: string } | undefined;
  for (const part of parts ?? []) {
    if (part.kind === "link" && !link) link = { name: "", label: "" };
    else if (part.kind === "linkName") link!.name = part.text;
    else if (part.kind === "linkText") link!.label = part.text.trim();
    else if (part.kind !== "link" || !link) text += part.text;
    else {
      // What TypeScript does not resolve is the name or address, and maybe words after it.
      const [, target, label] = link.name
        ? ["", link.name, link.label]
        : /^(\S*)\s*\|?\s*([^]*)$/.exec(link.label)!;
      if (/^https?:\/\//.test(target!)) text += web(target!, label!);
      else text += label || `${quote}${target!}${quote}`;
      link = undefined;
    }
  }
  return text.trim();
}

/** HTML in prose is shown, not obeyed; code says itself what it is. */
function withoutHtml(text: string): string {
  return text.replace(/(```[^]*?```|`[^`]*`)|[<&]/g, (one: string, code?: string) => code ?? entities[one]!);
}

const entities: Record<string, string> = { "<": "&lt;", "&": "&amp;" };

const escaped = (text: string) => text.replace(/[\\`*_{}[\]<>$#|&]/g, "\\$&");

/** Code between more backticks than it has itself. */
function fenced(code: string): string {
  const fence = "`".repeat(Math.max(3, longestRun(code) + 1));
  return `${fence}ts\n${code}\n${fence}`;
}

function spanned(code: string): string {
  const ticks = "`".repeat(longestRun(code) + 1);
  return `${ticks}${ticks.length > 1 ? ` ${code} ` : code}${ticks}`;
}

const longestRun = (text: string) => Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
