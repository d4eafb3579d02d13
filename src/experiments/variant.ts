import { startProgress } from "../display";
import { type Identity, untrainedIdentity, type Variant } from "../evaluation";
import { generateTexts } from "../generation";
import { shownPath } from "../io";
import { type Checkpoint, mergeAdapter, readAdapter } from "../models";
import { generationSettings } from "../settings";
import { baseName } from "./base";
import { mostPersonal } from "./candidates";
import { encoderName } from "./encoder";
import { inputBuilder } from "./examples";
import type { ExperimentModel } from "./run";
import { changeSettings, type ExperimentSettings, trainingSettings } from "./settings";

/** The checkpoint of a model: the base's, with the adapter merged into it if there is one. */
export function experimentCheckpoint({
  base,
  adapter,
}: Pick<ExperimentModel, "base" | "adapter">): Checkpoint {
  const { checkpoint } = base;
  if (adapter === undefined) return checkpoint;
  return {
    ...checkpoint,
    parameters: mergeAdapter(checkpoint.parameters, readAdapter(adapter, checkpoint)),
  };
}

/**
 * A model as a variant for `evaluateVariants`. Inputs are built by the function that built the training examples, by the
 * model's own settings: an adapter is evaluated in the form that it was trained in.
 *
 * @param overrides settings of generation; or, to show what another form does, of the input
 * @param family what it is called apart from the seed of its training, where there are several
 */
export function experimentVariant(
  name: string,
  model: ExperimentModel,
  overrides: Partial<ExperimentSettings> = {},
  family = name,
): Variant {
  const settings = changeSettings(model.settings, overrides);
  const { base, pool, adapter } = model;
  return {
    name,
    identity: experimentIdentity(family, model, settings),
    settings: {
      ...settings,
      base: baseName(base),
      architecture: base.checkpoint.architecture.name,
      adapter: adapter === undefined ? null : shownPath(adapter),
      ...(["dense", "mixed"].includes(settings.retriever) && { encoder: encoderName() }),
    },
    async generate(conversations) {
      const inputs = await inputBuilder(settings, pool, base.tokenizer)(conversations);
      const checkpoint = experimentCheckpoint(model);
      const generator = await checkpoint.architecture.createGenerator(checkpoint);
      const progress = startProgress(`Generating, ${name}`, conversations.length, { unit: "answers" });
      let reported = 0;
      try {
        const texts = await generateTexts(
          generator,
          base.tokenizer,
          inputs.map(({ text }) => text),
          {
            ...generationSettings(settings),
            onProgress: ({ done }) => {
              progress.advance(done - reported);
              reported = done;
            },
          },
        );
        const answers = texts.map(({ text }) => turnsOnLines(text));
        return inputs.map(({ text, retrieved }, i) => ({
          input: text,
          output: mostPersonal(
            answers.slice(i * settings.candidates, (i + 1) * settings.candidates),
            conversations[i]!.personas,
          ),
          ...(retrieved.length > 0 ? { retrieved: retrieved.map(({ id, score }) => ({ id, score })) } : {}),
        }));
      } finally {
        progress.finish();
        await generator.dispose();
      }
    },
  };
}

function experimentIdentity(
  family: string,
  { adapter, settings: trained }: ExperimentModel,
  asked: ExperimentSettings,
): Identity {
  if (adapter === undefined) return untrainedIdentity("base", family);
  const unknownSnippets = trained.k === 0 && asked.k > 0;
  const otherForm = trained.promptVariant !== asked.promptVariant;
  return {
    kind: unknownSnippets || otherForm ? "misused" : "model",
    family,
    seed: trained.seed,
    cut: null,
    trained: trainingSettings(trained) as Identity["trained"],
  };
}

/** The corpus has a turn a line; tokenizers make one space of a line's end. */
function turnsOnLines(text: string): string {
  return text.replace(/\s+(?=User [12]:)/g, "\n");
}
