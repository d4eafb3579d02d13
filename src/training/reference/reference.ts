import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { shownPath } from "../../io";
import {
  type Adapter,
  loadTokenizer,
  type Model,
  openCheckpoint,
  type OpenedCheckpoint,
  readAdapter,
  type Tokenizer,
} from "../../models";
import { adapterContent, type FrozenModel, frozenModel, type FrozenWeights } from "../policies/frozen";
import { contentSha256 } from "../tensors";

/**
 * What a policy is held to:
 *
 *     base      the base model, without an adapter
 *     adapter   the base model with the adapter of a directory: that of SFT, say
 *     model     another model, of a directory or file, whose tokens mean the same: an earlier copy, say
 */
export type Reference = z.infer<typeof referenceSchema>;

export const referenceSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("base") }),
  z.strictObject({ kind: z.literal("adapter"), directory: z.string().min(1) }),
  z.strictObject({ kind: z.literal("model"), directory: z.string().min(1) }),
]);

/** An adapter that a policy starts from, and where it is from. */
export interface StartAdapter {
  readonly directory: string;
  readonly adapter: Adapter;
}

/**
 * The reference that is meant: of a policy with a fresh adapter the base, unless another is named. A policy that starts from an
 * adapter must name one, as both the base and that adapter are usual, and train differently.
 *
 * @throws {Error} if it starts from an adapter and none is named; it says what there is to choose
 */
export function namedReference(reference: Reference | undefined, start: StartAdapter | undefined): Reference {
  if (reference) return reference;
  if (!start) return { kind: "base" };
  const directory = JSON.stringify(start.directory);
  throw new Error(
    `reference: the policy starts from the adapter in ${shownPath(start.directory)}, so say what it is held to: ` +
      `{ "kind": "adapter", "directory": ${directory} } holds it to where it starts (what TRL does when the training of an adapter ` +
      `goes on); { "kind": "base" } holds it to the model without an adapter`,
  );
}

/** A reference, ready to compute. */
export interface OpenReference {
  readonly model: FrozenModel;
  /** Whether the policy starts as this very model, so that rewards begin at 0. */
  readonly startsThere: boolean;
  /** What it is, and what the policy starts from, in a sentence for the log. */
  readonly words: string;
}

export interface OpenReferenceOptions {
  /** What the policy starts from, if not from a fresh adapter. */
  readonly start?: StartAdapter;
  /**
   * How the policy's base is kept; a reference is kept the same way.
   * @default "float32"
   */
  readonly frozenWeights?: FrozenWeights;
  /** The base's tokenizer, to compare with that of another model. */
  readonly tokenizer?: Tokenizer;
}

/**
 * Reads a reference.
 *
 * @throws {Error} if its files are not what they should be, or the tokens of another model are not those of `base`
 */
export async function openReference(
  reference: Reference,
  base: Model,
  { start, frozenWeights = "float32", tokenizer }: OpenReferenceOptions = {},
): Promise<OpenReference> {
  const opened = (model: FrozenModel, what: string, startsThere: boolean): OpenReference => {
    const from = start ? `the adapter in ${shownPath(start.directory)}` : "the base model";
    const then = startsThere
      ? "as which the policy starts"
      : `while the policy starts from ${from}, so that rewards need not begin at 0`;
    return { model, startsThere, words: `the reference is ${what}, ${then}` };
  };
  switch (reference.kind) {
    case "base":
      return opened(frozenModel(base, { frozenWeights }), "the base model without an adapter", !start);
    case "adapter": {
      const { directory } = reference;
      const adapter = readAdapter(directory, base);
      const isStart = start !== undefined && contentOf(start.adapter) === contentOf(adapter);
      const what = `the base model with the adapter in ${shownPath(directory)}`;
      return opened(frozenModel(base, { adapter, frozenWeights }), what, isStart);
    }
    case "model": {
      const { directory } = reference;
      const other = openCheckpoint(directory);
      try {
        await checkTokens(other, directory, base, tokenizer);
        const isStart = !start && parametersOf(other) === parametersOf(base);
        return opened(frozenModel(other, { frozenWeights }), `the model in ${shownPath(directory)}`, isStart);
      } finally {
        other.close();
      }
    }
  }
}

const contentOf = (adapter: Adapter) => JSON.stringify(adapterContent(adapter));

const parametersOf = ({ architecture, config, parameters }: Model) =>
  contentSha256(parameters, Object.keys(architecture.parameterShapes(config)));

/** Refuses a model whose tokens are not those of `base`: its log-probabilities would be of other texts. */
async function checkTokens(
  other: OpenedCheckpoint,
  directory: string,
  base: Model,
  tokenizer: Tokenizer | undefined,
): Promise<void> {
  const refuse = (why: string): never => {
    throw new Error(
      `reference: the model in ${shownPath(directory)} ${why}; take one with the base's tokenizer`,
    );
  };
  if (other.architecture.taskType !== base.architecture.taskType)
    refuse(`is a ${other.architecture.name}, which takes prompts otherwise than a ${base.architecture.name}`);
  if (other.config.vocabSize !== base.config.vocabSize)
    refuse(`has a vocabulary of ${other.config.vocabSize} tokens, the base one of ${base.config.vocabSize}`);
  const files =
    other.tokenizer?.() ?? (existsSync(join(directory, "tokenizer.json")) ? directory : undefined);
  if (!tokenizer || files === undefined) return;
  const theirs = await loadTokenizer(files);
  const ids = Array.from({ length: base.config.vocabSize }, (_, id) => id);
  const differs = ids.find((id) => theirs.token(id) !== tokenizer.token(id));
  if (differs !== undefined)
    refuse(
      `has another tokenizer: ${differs} is ${JSON.stringify(theirs.token(differs) ?? null)} there and ` +
        `${JSON.stringify(tokenizer.token(differs) ?? null)} in the base`,
    );
}
