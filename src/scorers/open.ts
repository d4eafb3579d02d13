import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CompileOptions } from "../engine";
import { contentsOf } from "../io";
import {
  type Architecture,
  type Model,
  openPretrained,
  openScorerDirectory,
  type OpenPretrainedModel,
  loadPretrained,
  loadTokenizer,
  readAdapter,
  scorerModel,
  type ScorerConfig,
} from "../models";
import { checksum } from "../training";
import { CARD_FILE, type MeasuredCard, readCard, type ScorerCard } from "./card";
import { logisticScorer, readLogistic } from "./logistic/scorer";
import { modelScorer } from "./model-scorer";
import type { LabelScorer, RewardScorer, Scorer } from "./scorer";
import { transformersScorer } from "./transformers";

export interface OpenScorerOptions {
  /**
   * What the texts are called of a scorer that says nothing of it.
   * @default one text, or a premise and a hypothesis where its labels are those
   */
  readonly reads?: readonly string[];
  /**
   * The most tokens of a scorer that says nothing of it.
   * @default 256, or as many as the model has positions for
   */
  readonly maxTokens?: number;
  readonly engine?: CompileOptions;
}

/** Where the embedded scorers lie. */
export const embeddedScorers = resolve(__dirname, "../../data/scorers");

/**
 * Opens a scorer: a folder that `saveScorer` wrote, one in Hugging Face's form (see `openScorerDirectory`), or a classifier in the
 * layout of Transformers.js (a folder with `onnx/`, or a repository of the hub).
 *
 * @throws {Error} if it is none, by what it is, or if an adapter's base is not the one that it was trained on
 */
export async function openScorer(place: string, options: OpenScorerOptions = {}): Promise<Scorer> {
  if (!existsSync(place)) return transformersScorer(place, options);
  if (!statSync(place).isDirectory()) throw new Error(`${place}: a file, where a scorer's folder is needed`);
  const card = readCard(place);
  if (card) return openCard(place, card, options);
  if (existsSync(join(place, "onnx"))) return transformersScorer(place, options);
  if (!existsSync(join(place, "config.json")))
    throw new Error(
      `${place}: ${contentsOf(place)}; a scorer's folder has ${CARD_FILE}, or config.json with the weights of a model that classifies texts`,
    );
  const model = openScorerDirectory(place);
  try {
    const { labels } = model.config as unknown as ScorerConfig;
    const { reads = labels.includes("entailment") ? ["premise", "hypothesis"] : ["text"] } = options;
    const maxTokens = options.maxTokens ?? Math.min(256, model.config.maxPositions ?? Infinity);
    return modelScorer(model, await loadTokenizer(place), { ...options, name: place, reads, maxTokens });
  } finally {
    model.close();
  }
}

/** {@link openScorer} for one that labels texts. */
export async function openLabelScorer(place: string, options?: OpenScorerOptions): Promise<LabelScorer> {
  const scorer = await openScorer(place, options);
  if (scorer.kind === "labels") return scorer;
  await scorer.close();
  throw new Error(`${place}: says how good texts are, where a scorer of labels is needed`);
}

/**
 * {@link openLabelScorer} with what it got wrong on held-out rows, the first that its card has.
 *
 * @throws {Error} if it was measured on none
 */
export async function openMeasuredScorer(
  place: string,
  options?: OpenScorerOptions,
): Promise<{ scorer: LabelScorer; measured: MeasuredCard }> {
  const [measured] = (existsSync(place) ? readCard(place) : undefined)?.measured ?? [];
  if (!measured)
    throw new Error(
      `${place}: nothing says what it gets wrong; npm run score -- measure ${place} ROWS --write measures it on held-out rows`,
    );
  return { scorer: await openLabelScorer(place, options), measured };
}

/** {@link openScorer} for one that says how good texts are. */
export async function openRewardScorer(place: string, options?: OpenScorerOptions): Promise<RewardScorer> {
  const scorer = await openScorer(place, options);
  if (scorer.kind === "reward") return scorer;
  await scorer.close();
  throw new Error(`${place}: labels texts (${scorer.labels.join(", ")}), where a reward model is needed`);
}

async function openCard(place: string, card: ScorerCard, { engine }: OpenScorerOptions): Promise<Scorer> {
  const { name, labels, reads, kind, form, maxTokens = 256 } = card;
  if (form === "logistic") return logisticScorer(readLogistic(place, labels), { name, labels, reads });
  const shared = { name, reads, maxTokens, ...(engine && { engine }) };
  if (form === "model") {
    const model = openScorerDirectory(place);
    try {
      return modelScorer(model, await loadTokenizer(place), shared);
    } finally {
      model.close();
    }
  }
  if (!card.base) throw new Error(`${join(place, CARD_FILE)}: an adapter needs its base`);
  const folder = resolve(place, card.base.path);
  const { checkpoint, tokenizer } = await openBase(folder);
  try {
    const model = scorerModel(checkpoint as Model, { kind, labels }) as unknown as Model;
    const found = baseChecksum(model, checkpoint);
    if (found !== card.base.checksum)
      throw new Error(
        `${place}: it was trained on ${card.base.path} as that was then, whose parameters were others: take that model, or train the scorer again`,
      );
    return modelScorer(model, tokenizer, { ...shared, adapter: readAdapter(place, model) });
  } finally {
    checkpoint.close();
  }
}

/** A model by its folder or file, or its name on the hub. */
export function openBase(model: string): Promise<OpenPretrainedModel> {
  return existsSync(model)
    ? openPretrained({
        kind: statSync(model).isFile() ? "file" : "directory",
        directory: model,
        why: "named",
      })
    : loadPretrained({ pretrained: model });
}

/** What identifies the parameters of a base that a scorer on it reads. */
export function baseChecksum(
  { architecture, config, parameters }: Model,
  { architecture: base }: { readonly architecture: Pick<Architecture, "scorer"> },
): string {
  const head = base.scorer!.head;
  const names = Object.keys(architecture.parameterShapes(config)).filter(
    (name) => !name.startsWith(`${head}.`),
  );
  return checksum(parameters, names);
}
