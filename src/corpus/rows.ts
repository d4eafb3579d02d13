import { z } from "zod";
import { writeJsonLines } from "../io";
import { didYouMean } from "../text";
import { fields, problemWith, shown, text } from "./form";
import { JsonlError, parseJsonLines, readJsonlFile } from "./lines";
import type { RowMeta } from "./row-personas";

/** Who says something in a conversation with a model. */
export const roles = ["system", "user", "assistant"] as const;

/** What is said, and who says it. */
export interface Message {
  readonly role: (typeof roles)[number];
  readonly content: string;
}

/** Text, or messages that a chat template writes. */
export type Said = string | readonly Message[];

/** A prompt and the completion to be learned: both text, or a conversation's beginning and the assistant's answer. */
export interface CompletionRow {
  readonly prompt: Said;
  readonly completion: Said;
}

/** A conversation; what assistants say in it is to be learned. */
export interface ConversationRow {
  readonly messages: readonly Message[];
}

/** A prompt with the completion that somebody prefers and one that is worse. */
export interface PreferenceRow {
  readonly prompt: Said;
  readonly chosen: Said;
  readonly rejected: Said;
}

/** A prompt alone, which a policy answers itself. */
export interface PromptRow {
  readonly prompt: Said;
}

interface RowsOf {
  readonly completion: CompletionRow;
  readonly conversation: ConversationRow;
  readonly preference: PreferenceRow;
  readonly prompt: PromptRow;
}

/** The forms of rows. */
export type RowForm = keyof RowsOf;

/** A row with its line in the file, from 1, and what else it says. */
export type Placed<Row> = Row & { readonly line: number; readonly meta?: RowMeta };

/** The rows of a file, all of one form. */
export type TrainingRows<Form extends RowForm = RowForm> = {
  [F in Form]: { readonly form: F; readonly path: string; readonly rows: readonly Placed<RowsOf[F]>[] };
}[Form];

/**
 * Reads rows to train on from a JSONL file, a row a line, all of one form:
 *
 *     {"prompt": "…", "completion": "…"}                   completion
 *     {"messages": [{"role": "user", "content": "…"}, …]}   conversation
 *     {"prompt": "…", "chosen": "…", "rejected": "…"}      preference
 *     {"prompt": "…"}                                      prompt
 *
 * Prompts and completions are all text or all lists of messages; a row may have `meta`, an object that training does not read; rewards and
 * evaluations find in it who speaks ({@link rowPersonas}).
 * `docs/own-data.md` has the forms. Nothing is guessed and nothing is left out.
 *
 * @param wanted the forms that the caller takes
 * @throws {Error} if there is no such file
 * @throws {JsonlError} naming line, field and remedy where {@link parseRows} fails
 */
export function readRows<Form extends RowForm>(path: string, wanted: readonly Form[]): TrainingRows<Form> {
  return parseRows(readJsonlFile(path), path, wanted);
}

/**
 * The rows of a whole JSONL file; see {@link readRows}.
 *
 * @throws {JsonlError} naming line, field and remedy of the first row that is of no form, of another form than the first row,
 *   or of one that is not wanted; or for a file without rows
 */
export function parseRows<Form extends RowForm>(
  bytes: Uint8Array,
  path: string,
  wanted: readonly Form[],
): TrainingRows<Form> {
  const rows: Placed<RowsOf[Form]>[] = [];
  let first: { form: Form; isText: boolean; line: number } | undefined;
  for (const { value, line } of parseJsonLines(bytes, path, "row")) {
    const refuse = (problem: string): never => {
      throw new JsonlError(path, line, problem);
    };
    const form = formOf(value, wanted) ?? refuse(notWanted(value, wanted));
    const problem = problemWith(forms[form], value) ?? disagreement(value as Partial<PreferenceRow>);
    if (problem !== undefined) refuse(problem.replace(/(?<=^\w+: there is no such field; .*)$/, META_REMEDY));
    const row = value as RowsOf[Form] & { meta?: RowMeta };
    const isText = "prompt" in row && typeof row.prompt === "string";
    first ??= { form, isText, line };
    if (form !== first.form)
      refuse(
        `is a row of ${described[form]}, while line ${first.line} is one of ${described[first.form]}; give each form a file of its own`,
      );
    if (isText !== first.isText)
      refuse(
        `prompt: is ${isText ? "text" : "a list of messages"}, while that of line ${first.line} is ${isText ? "a list of messages" : "text"}; ` +
          "give each form a file of its own",
      );
    rows.push({ ...row, line });
  }
  if (!first) throw new JsonlError(path, 1, "the file has no line with a row");
  return { form: first.form, path, rows } as unknown as TrainingRows<Form>;
}

/**
 * Writes rows that {@link readRows} reads back, in a JSONL file, whole or not at all.
 *
 * @throws {FileProblem} if the disk does not take the file
 */
export function writeRows(path: string, { rows }: TrainingRows): void {
  writeJsonLines(
    path,
    rows.map(({ line: _, ...row }) => row),
  );
}

/** After the names of the fields that there are. */
const META_REMEDY = " What training shall not read may stand in meta.";

/** Whether a file's first line is a dialogue, or meant to be one; see {@link readDialogues}. */
export function holdsDialogues(path: string): boolean {
  const [first] = parseJsonLines(readJsonlFile(path), path, "row");
  const value = first?.value;
  return typeof value === "object" && value !== null && "turns" in value && !("messages" in value);
}

/** What a row of each form has, as sentences say it. */
const described: Record<RowForm, string> = {
  completion: "prompt and completion",
  conversation: "messages",
  preference: "prompt, chosen and rejected",
  prompt: "a prompt alone",
};

/** By which field a form is told from the others; a prompt alone by having none of these. */
const marks: Record<string, RowForm> = {
  messages: "conversation",
  completion: "completion",
  chosen: "preference",
  rejected: "preference",
};

function formOf<Form extends RowForm>(value: unknown, wanted: readonly Form[]): Form | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const marked = Object.keys(marks).find((name) => Object.hasOwn(value, name));
  const form: RowForm | undefined =
    marked === undefined ? (Object.hasOwn(value, "prompt") ? "prompt" : undefined) : marks[marked];
  return wanted.find((one) => one === form);
}

/** Forms of other programs that people have, by a field of theirs, and how each is written here. */
const elsewhere: Readonly<Record<string, string>> = {
  conversations:
    'write {"messages": [{"role": "user", "content": "…"}, …]} for the conversations of ShareGPT',
  instruction: 'write {"prompt": "…", "completion": "…"}: instruction and input together are the prompt',
  question: 'write {"prompt": "…", "completion": "…"} for question and answer',
  text: "say what is given and what is to be learned: write prompt and completion, or messages",
  turns: "this is a dialogue; write what one of its speakers says as messages of the assistant",
  label: "rows with a label for each answer are not supported; write prompt, chosen and rejected",
};

function notWanted(value: unknown, wanted: readonly RowForm[]): string {
  const forms = wanted.map((form) => described[form]).join(", or ");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return `must be an object with ${forms}, not ${shown(value)}`;
  const keys = Object.keys(value);
  const foreign = keys.find((key) => Object.hasOwn(elsewhere, key));
  if (foreign !== undefined && !keys.some((key) => key === "prompt" || Object.hasOwn(marks, key)))
    return `has ${foreign}; ${elsewhere[foreign]}`;
  const known = formOf(value, Object.keys(described) as RowForm[]);
  if (known !== undefined && !(known === "prompt" && keys.some((key) => key !== "prompt" && key !== "meta")))
    return `is a row of ${described[known]}; what is needed here is one of ${forms}`;
  const names = wanted.flatMap((form) => Object.keys(shapes[form]));
  const strange = keys.filter((key) => !names.includes(key));
  const near = strange.map((key) => didYouMean(key, names)).find((found) => found !== "") ?? "";
  const has = keys.length === 0 ? "has no field" : `has the fields ${keys.slice(0, 6).join(", ")}`;
  return `${has}; a row has ${forms}.${near}`;
}

/** That parts of a row which belong together are of one kind: text, or messages. */
function disagreement({
  prompt,
  ...others
}: Partial<PreferenceRow> & Partial<CompletionRow>): string | undefined {
  if (prompt === undefined) return undefined;
  const kind = (said: unknown) => (typeof said === "string" ? "text" : "a list of messages");
  const odd = (["completion", "chosen", "rejected"] as const).find(
    (name) => others[name] !== undefined && kind(others[name]) !== kind(prompt),
  );
  return (
    odd &&
    `${odd}: must be ${kind(prompt)}, as prompt is, not ${kind(others[odd])}; write both as text, or both as messages`
  );
}

const toolRemedy = "calls of tools are not supported, leave such rows out";
const message = fields(
  {
    role: z.enum(roles, {
      error: ({ input }) =>
        `"system", "user" or "assistant"${
          input === "tool" || input === "function"
            ? `; ${toolRemedy}`
            : input === "human"
              ? '; write "user"'
              : input === "gpt" || input === "bot" || input === "model"
                ? '; write "assistant"'
                : ""
        }`,
    }),
    content: text("what is said").regex(/\S/, "what is said; leave a message without words out"),
  },
  'a message such as {"role": "user", "content": "Hello!"}',
);

/** Messages in an order that makes a conversation; what else is asked of them is checked with the whole list. */
function messages(check: (list: readonly Message[]) => string | undefined) {
  return z
    .array(message, 'a list of messages such as [{"role": "user", "content": "Hello!"}]')
    .check(({ value, issues }) => {
      const system = value.findIndex(({ role }, at) => role === "system" && at > 0);
      const problem =
        system > 0
          ? `a list with its system message first; message ${system + 1} is another one`
          : check(value);
      if (problem !== undefined) issues.push({ code: "custom", input: value, path: [], message: problem });
    });
}

const said = (what: string, check: (list: readonly Message[]) => string | undefined) => {
  const list = messages(check);
  const words = text(what).regex(/\S/, what);
  return z.unknown().check(({ value, issues }) => {
    const form = typeof value === "string" ? words : Array.isArray(value) ? list : undefined;
    const found = form ? form.safeParse(value).error?.issues : undefined;
    if (!form)
      issues.push({
        code: "custom",
        input: value,
        path: [],
        message: what.replace(/(?=;)/, ", as text or as messages"),
      });
    for (const issue of found ?? []) issues.push(issue as (typeof issues)[number]);
  });
};

const prompt = said("what is given; write what the completion answers", (list) =>
  list.at(-1)?.role === "user" ? undefined : "a list that ends with a message of the user, who is answered",
);
const answer = said("what is to be learned; leave rows without an answer out", (list) =>
  list.length === 1 && list[0]!.role === "assistant"
    ? undefined
    : "a list of one message of the assistant; what comes before it belongs to prompt",
);
const meta = z
  .record(z.string(), z.unknown(), "an object; leave it out where there is nothing to say")
  .optional();

const shapes = {
  completion: { prompt, completion: answer, meta },
  conversation: {
    messages: messages((list) =>
      list.at(-1)?.role === "assistant"
        ? undefined
        : "a list that ends with a message of the assistant; nothing is learned from what follows its last one, leave that out",
    ),
    meta,
  },
  preference: { prompt, chosen: answer, rejected: answer, meta },
  prompt: { prompt, meta },
};

const forms: Record<RowForm, z.ZodType> = {
  completion: fields(shapes.completion, "a row"),
  conversation: fields(shapes.conversation, "a row"),
  preference: fields(shapes.preference, "a row"),
  prompt: fields(shapes.prompt, "a row"),
};
