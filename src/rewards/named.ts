import { join } from "node:path";
import { z } from "zod";
import { ChatClient, type ChatSource } from "../chat-api";
import { didYouMean } from "../text";
import { askedJudge, openEmbeddedJudge, readRubric, rubric } from "../judges";
import { asConversation, lacksPersona } from "./about";
import { coverageReward } from "./coverage";
import { judgeReward } from "./judge";
import { keptReward } from "./kept";
import { lengthReward } from "./length";
import { ownershipReward } from "./ownership";
import type { Reward } from "./reward";
import { type RewardModel, rewardModelReward } from "./reward-model";
import { type WeightedPart, weightedReward } from "./weighted";
import { wordReward } from "./word";

const weight = z.number().default(1);
const name = z.string().min(1);

/** A reward as a file names it: which one, what it asks for, and its weight among several. */
export const namedRewardSchema = z.discriminatedUnion("reward", [
  z.strictObject({ reward: z.literal("word"), word: z.string(), weight }),
  z.strictObject({ reward: z.literal("length"), tokens: z.int().positive(), weight }),
  z.strictObject({ reward: z.literal("coverage"), weight }),
  z.strictObject({ reward: z.literal("ownership"), weight }),
  z
    .strictObject({
      reward: z.literal("judge"),
      rubric: name,
      model: name.optional(),
      local: name.optional(),
      weight,
    })
    .refine(({ model, local }) => (model === undefined) !== (local === undefined), {
      error:
        'a judge is asked behind a chat API ("model") or opened in this process ("local"): name one of them',
    }),
  z.strictObject({
    reward: z.literal("embedded"),
    model: name.optional(),
    card: name.optional(),
    weight,
  }),
  z.strictObject({ reward: z.literal("reward-model"), scorer: name, weight }),
  z.strictObject({ reward: z.literal("given"), name, weight }),
]);
export type NamedReward = z.input<typeof namedRewardSchema>;

/** What each reward pays for, for the help of commands. */
export const namedRewardsHelp =
  '{"reward": "word", "word": …} pays for a word that is said; {"reward": "length", "tokens": …} for a length that is reached; ' +
  '{"reward": "coverage"} for the words of who answers, {"reward": "ownership"} for facts of who answers and against the user\'s (both read ' +
  'meta.personas of the row); {"reward": "judge", "rubric": …, "model": …} asks a model of the chat API in OPENAI_BASE_URL by a rubric: ' +
  'adherence, consistency, quality, safety, or a file; "local" in place of "model" opens one: a folder, a GGUF file, a name of the hub; {"reward": "embedded"} is the judge that comes with the ' +
  'project, if its card (npm run judge) lets it reward; "model" and "card" name another model of it and that one\'s card; ' +
  '{"reward": "reward-model", "scorer": …} is a model that learned from preferences (npm run score -- train, kind "reward"); ' +
  '{"reward": "given", "name": …} is one that the program hands in which trains';

/** Where rewards that need more than a case find it. */
export interface RewardPlace {
  /** A folder in which the answers of judges are kept, as nobody asks them twice. */
  readonly directory: string;
  /** Opens a model in this process, to be asked. */
  readonly openModel: (name: string) => Promise<ChatSource>;
  /** Opens a reward model. */
  readonly openRewardModel: (place: string) => Promise<RewardModel>;
  /**
   * Rewards that are handed in, by the names that a list calls them.
   * @default none
   */
  readonly given?: Readonly<Record<string, Reward>>;
}

/**
 * The reward that a file names: the weighted sum of its list.
 *
 * @throws {Error} if a rubric is none, a reward was not handed in, or the embedded judge was not measured or is too blind
 * @throws {ChatApiError} if a judge is to be asked and the environment names no chat API
 */
export async function namedReward(rewards: readonly NamedReward[], place: RewardPlace): Promise<Reward> {
  const parts: WeightedPart[] = [];
  for (const named of rewards.map((one) => namedRewardSchema.parse(one)))
    parts.push({ reward: await make(named, place), weight: named.weight });
  const [only] = parts;
  return parts.length === 1 && only!.weight === 1 ? only!.reward : weightedReward(parts);
}

async function make(named: z.infer<typeof namedRewardSchema>, place: RewardPlace): Promise<Reward> {
  switch (named.reward) {
    case "word":
      return wordReward(named.word);
    case "length":
      return lengthReward(named.tokens);
    case "coverage":
      return coverageReward();
    case "ownership":
      return ownershipReward();
    case "judge": {
      const by = /\.json$/i.test(named.rubric) ? readRubric(named.rubric) : rubric(named.rubric);
      const source =
        named.local === undefined
          ? new ChatClient({ model: named.model! })
          : await place.openModel(named.local);
      const asked = judgeReward(askedJudge(source, by), asConversation);
      const kept = keptReward(asked, join(place.directory, `judged-${by.name}.jsonl`));
      return by.needs.includes("persona") ? { ...kept, lacks: lacksPersona } : kept;
    }
    case "reward-model":
      return rewardModelReward(await place.openRewardModel(named.scorer));
    case "embedded": {
      const { model, card } = named;
      const judge = await openEmbeddedJudge({ ...(model && { model }), ...(card && { card }) });
      return { ...judgeReward(judge, asConversation), lacks: lacksPersona };
    }
    case "given": {
      const { given = {} } = place;
      if (Object.hasOwn(given, named.name)) return given[named.name]!;
      const names = Object.keys(given);
      throw new Error(
        `rewards: nobody hands in a reward named ${named.name}` +
          (names.length > 0
            ? `: there are ${names.join(", ")}.${didYouMean(named.name, names)}`
            : ": npm run train has none; a program gives them to runMethod"),
      );
    }
  }
}
