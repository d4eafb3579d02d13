import type { Selection } from "../corpus";
import { evaluateVariants } from "../evaluation";
import {
  type AnsweringSettings,
  type MethodHooks,
  openTrained,
  openTrainingModel,
  type TrainedModel,
} from "../experiments";
import type { BootstrapOptions } from "../metrics";
import { alignedVariant, askedTurns, tellGold, tellPersona, tellSelected, withoutAdapter } from "./answers";
import { answersOf, type NamedAnswers } from "./evaluate";
import { answerRowsOf, mixtureRows } from "./mixture";
import { promptsFor, type StudyChoices } from "./plan";
import { selectFacts, selections } from "./select";
import type { SplitRow } from "./splits";
import { trainSupervised } from "./stages";

/** What a second model is put beside the first one by. */
export interface SecondModelOptions {
  /** A folder, a GGUF file or a name of the hub. */
  readonly model: string;
  /** Rows with labels, as the first model had them. */
  readonly train: readonly SplitRow[];
  readonly test: readonly SplitRow[];
  readonly historyTurns: number;
  readonly choices: Pick<StudyChoices, "filter" | "mixture" | "selector">;
  /** Settings of stage 1. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly answering: AnsweringSettings;
  /** Adapters go into folders here. */
  readonly adapters: string;
  /** Its evaluation goes here. */
  readonly directory: string;
  readonly hooks?: (stage: string) => MethodHooks;
}

/** What a second model selects and answers. */
export interface SecondModel {
  readonly answers: NamedAnswers[];
  readonly selected: Map<string, Selection>;
}

/** Stage 1, plain and as a mixture, of another model on the same rows; what it selects after that, and what it answers before and after. */
export async function alignSecondModel(
  {
    model,
    train,
    test,
    historyTurns,
    choices,
    settings,
    answering,
    adapters,
    directory,
    hooks,
  }: SecondModelOptions,
  bootstrap: BootstrapOptions,
): Promise<SecondModel> {
  const { checkpoint } = await openTrainingModel(model);
  const prompts = promptsFor(checkpoint.architecture.taskType, historyTurns);
  checkpoint.close();
  const stage = (name: string) => ({
    ...{ model, settings, directory: adapters },
    ...(hooks && { hooks: hooks(name) }),
  });
  const plain = await trainSupervised("second-sft", answerRowsOf(train, prompts), stage("larger, SFT"));
  const mixed = await trainSupervised(
    "second-mixture",
    mixtureRows(train, { ...prompts, filter: choices.filter }),
    { ...stage("larger, mixture"), mixture: choices.mixture },
  );
  const opened: TrainedModel[] = [];
  try {
    const open = async (adapter: string) => {
      const one = await openTrained(adapter);
      opened.push(one);
      return one;
    };
    const sft = await open(plain.output);
    const mixture = await open(mixed.output);
    const selected = selections(await selectFacts(mixture, test, { ...prompts, by: choices.selector }));
    const making = { settings: answering, prompts };
    const variants = [
      alignedVariant("larger, base", withoutAdapter(sft), tellPersona, making),
      alignedVariant("larger, SFT", sft, tellPersona, making),
      alignedVariant("larger, mixture, no selection", mixture, tellPersona, making),
      alignedVariant("larger, mixture, predicted", mixture, tellSelected(selected), making),
      alignedVariant("larger, mixture, gold", mixture, tellGold, making),
    ];
    const asked = askedTurns(test);
    const evaluated = await evaluateVariants(variants, asked, { directory, runId: "larger", ...bootstrap });
    return { answers: answersOf(evaluated, test), selected };
  } finally {
    for (const one of opened) one.base.checkpoint.close();
  }
}
