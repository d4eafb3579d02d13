import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { sha256File } from "../../src/io";
import { openModelDirectory, WEIGHTS_FILE } from "../../src/models/pretrained";
import { embeddedTokenizer } from "../../src/models/tokenizer";
import type { PretrainingTokens } from "../../src/pretraining";
import type { PretrainingKind, TrainableModel } from "./kind";

const TOKENIZER_FILE = "tokenizer.json";

/** The weights that a run goes on from. */
export interface GivenWeights {
  /** The folder's name. */
  readonly name: string;
  /** What kind of model it is. */
  readonly kind: string;
  readonly sha256: string;
}

/** The model that a run begins with. */
export interface Beginning {
  readonly model: TrainableModel;
  /** Undefined where its weights are random. */
  readonly from?: GivenWeights;
}

/**
 * A model of random weights, or of those in a folder.
 *
 * @throws {Error} if the folder's model has another tokenizer, or is of a kind that this one cannot go on from
 */
export async function beginning(
  kind: PretrainingKind,
  folder: string | undefined,
  tokens: PretrainingTokens,
  seed: number,
): Promise<Beginning> {
  if (folder === undefined) return { model: kind.fromNothing(tokens, seed) };
  const own = join(folder, TOKENIZER_FILE);
  const read = (path: string) => JSON.stringify(JSON.parse(readFileSync(path, "utf8")));
  if (existsSync(own) && read(own) !== read(join(embeddedTokenizer, TOKENIZER_FILE)))
    throw new Error(
      `${folder}: its tokenizer is another than the project's own, so that its weights are for other tokens`,
    );
  const given = openModelDirectory(folder);
  try {
    const { vocabSize } = given.config;
    const needed = Math.max(...tokens.sentinels) + 1;
    if (vocabSize < needed)
      throw new Error(
        `${folder}: it has ${vocabSize} tokens, where the project's own tokenizer has ${needed}`,
      );
    const model = kind.fromWeights(given, tokens);
    const sha256 = await sha256File(join(folder, WEIGHTS_FILE));
    return { model, from: { name: basename(resolve(folder)), kind: given.architecture.name, sha256 } };
  } finally {
    given.close();
  }
}
