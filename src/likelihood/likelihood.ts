import { CompiledFunction, type CompileOptions } from "../engine";
import { sha256 } from "../io";
import {
  type ChatMessage,
  IGNORED_LABEL,
  type LabelledBatch,
  type Model,
  type NamedTensors,
  needParameter,
  templateMessages,
  type Tokenizer,
} from "../models";
import { ContentHash, int32Tensor } from "../tensors";

/** An answer in its place: what stands before it, as a chat has it, and what is said then. */
export interface SaidAfter {
  /** A system message at most, then `user` and `assistant` in turn, the last one of `user`. */
  readonly before: readonly ChatMessage[];
  /** What the assistant says. */
  readonly answer: string;
}

/** That a likelihood cannot be had of something, and why. */
export class NoLikelihood extends Error {}

/** How likely a causal model finds what is said, by its chat template. */
export interface Likelihood {
  /** What tables call it. */
  readonly name: string;
  /** What identifies it, to the last bit of its parameters. */
  readonly fingerprint: unknown;
  /**
   * log p(token | everything before it), in nats, of each token of each answer and of the token that ends it. The answers of one call
   * are computed together, so that equal calls give equal bits.
   *
   * @throws {NoLikelihood} if an answer says nothing, a message spells out a control token, or it does not fit the context
   */
  logprobs(said: readonly SaidAfter[]): Promise<readonly (readonly number[])[]>;
  /** Frees its programs. */
  dispose(): Promise<void>;
}

export interface LikelihoodOptions {
  /** What tables call it. */
  readonly name: string;
  readonly engine?: CompileOptions;
}

/** Lengths of rows and numbers of labels are rounded up to a multiple of this; each shape is compiled once. */
const MULTIPLE = 64;

type Inputs = {
  readonly weights: NamedTensors;
  readonly batch: Pick<LabelledBatch, "inputIds" | "attentionMask" | "labels"> &
    Required<Pick<LabelledBatch, "labelRows">>;
};

/** A row of tokens, of which those from `start` to before `end` are the answer. */
interface Row {
  readonly ids: readonly number[];
  readonly start: number;
  readonly end: number;
}

/**
 * A causal model as a {@link Likelihood}. Its parameters are read here and held in memory; open files may be closed afterwards.
 *
 * @throws {Error} if the model is no causal one, or its tokenizer has no chat template
 */
export function likelihoodOf(
  { architecture, config, parameters }: Model,
  tokenizer: Tokenizer,
  { name, engine }: LikelihoodOptions,
): Likelihood {
  if (architecture.taskType !== "CAUSAL_LM")
    throw new Error(
      `likelihoods are of causal models: ${architecture.name} reads an input and predicts another text; take a Llama`,
    );
  const taken = templateMessages(tokenizer);
  const content = new ContentHash();
  const weights = Object.fromEntries(
    Object.keys(architecture.parameterShapes(config)).map((parameter) => {
      const tensor = needParameter(parameters, parameter);
      content.add(parameter, tensor);
      return [parameter, tensor];
    }),
  );
  const program = new CompiledFunction(
    ({ weights, batch }: Inputs) => ({
      losses: architecture.model(config, weights).labelLosses(batch),
    }),
    engine,
  );

  const rowOf = ({ before, answer }: SaidAfter): Row => {
    const said = answer.trim();
    if (said === "") throw new NoLikelihood("the answer is empty");
    const messages = taken([...before, { role: "assistant", content: said }]);
    for (const { role, content } of messages) {
      const [token] = tokenizer.unshownTokensIn(content);
      if (token !== undefined)
        throw new NoLikelihood(`what the ${role} says spells out ${token}, a control token of ${name}`);
    }
    const { ids, assistant } = tokenizer.chatTokens(messages, messages.length - 1);
    const [start, end] = [assistant.indexOf(true), assistant.lastIndexOf(true) + 1];
    const most = config.maxPositions ?? Infinity;
    if (end > most)
      throw new NoLikelihood(`it takes ${end} tokens, and the context of ${name} has ${most} of them`);
    return { ids: ids.slice(0, end), start, end };
  };

  return {
    name,
    fingerprint: {
      likelihood: architecture.modelType,
      config: sha256(JSON.stringify(config)),
      parameters: content.digest(),
      template: sha256(tokenizer.chatText([{ role: "user", content: "?" }], { addGenerationPrompt: true })),
    },
    async logprobs(said) {
      if (said.length === 0) return [];
      const rows = said.map(rowOf);
      const { losses } = await program.run({ weights, batch: batchOf(rows, config.padTokenId) });
      const values = losses.data as Float32Array;
      let at = 0;
      return rows.map(({ start, end }) => {
        const logprobs = Array.from(values.subarray(at, at + end - start), (loss) => -loss);
        at += end - start;
        if (!logprobs.every((value) => Number.isFinite(value)))
          throw new Error(
            `${name} gives log-probabilities that are no finite numbers: its parameters are damaged`,
          );
        return logprobs;
      });
    },
    dispose: () => program.dispose(),
  };
}

/** Rows as a batch in which answers have labels; the labels of the first row come first. */
function batchOf(rows: readonly Row[], padTokenId: number) {
  const upTo = (size: number) => Math.ceil(size / MULTIPLE) * MULTIPLE;
  // One position of padding at least: it fills up the list of labels.
  const length = upTo(Math.max(...rows.map(({ end }) => end)) + 1);
  const shape = [rows.length, length];
  const ids = new Int32Array(rows.length * length).fill(padTokenId);
  const mask = new Int32Array(rows.length * length);
  const labels = new Int32Array(rows.length * length).fill(IGNORED_LABEL);
  const places: number[] = [];
  rows.forEach((row, i) => {
    row.ids.forEach((id, at) => {
      ids[i * length + at] = id;
      mask[i * length + at] = 1;
      if (at < row.start) return;
      labels[i * length + at] = id;
      places.push(i * length + at);
    });
  });
  const labelRows = new Int32Array(upTo(places.length)).fill(length - 1);
  labelRows.set(places);
  return {
    inputIds: int32Tensor(shape, ids),
    attentionMask: int32Tensor(shape, mask),
    labels: int32Tensor(shape, labels),
    labelRows: int32Tensor([labelRows.length], labelRows),
  };
}

/** The mean of log-probabilities: nats a token. */
export const perToken = (logprobs: readonly number[]): number =>
  logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length;
