import {
  cite,
  data,
  enumerate,
  type Inline,
  type JsonPath,
  paragraph,
  type PaperDocument,
  proseWith,
  refer,
  section,
  type Sources,
  type Table,
  type Text,
} from "../paper";
import { bibliography } from "./bibliography";
import { savedFigure, savedRows, savedTable, savedValue } from "./parts";
import type { Study } from "./studies";

const prose = proseWith("Llama-3-8B", "NF4", "distinct-2");
const notebook = "08-persona-simulator";
const saved = (file: string) => `${notebook}/${file}`;

/** Rows that the notebook left: the file, and where in it. */
interface Rows {
  readonly file: string;
  readonly path: JsonPath;
}
/** What players scored by judges that take no time, by those that do, and by the former where RL was rewarded. */
const fastRows: Rows = { file: saved("scores.json"), path: ["fast"] };
const slowRows: Rows = { file: saved("scores.json"), path: ["slow"] };
const rewardedRows: Rows = { file: saved("reinforced.json"), path: ["players"] };
/** Paired differences over all personas, and where RL was rewarded. */
const pairsEverywhere: Rows = { file: saved("paired.json"), path: [] };
const pairsRewarded: Rows = { file: saved("reinforced.json"), path: ["paired"] };

/** A mean with its interval, of a player by a judge: `0.52 [0.41, 0.63]`. */
function mean(sources: Sources, { file, path }: Rows, player: string, judge: string): Text {
  const at = savedRows(sources, file, path).findIndex((row) => row["player"] === player);
  const of = (end: string): Inline =>
    savedValue(sources, file, [...path, at, "means", judge, end], "decimal2");
  return [of("value"), " [", of("low"), ", ", of("high"), "]"];
}

/** Players and bounds by some judges; what a judge could not score is a dash. */
function playersTable(
  sources: Sources,
  { file, path }: Rows,
  judges: readonly string[],
  text: Pick<Table, "label" | "caption">,
): Table {
  const rows = savedRows(sources, file, path);
  const cell = (at: number, judge: string): Text => {
    const means = rows[at]!["means"] as Readonly<Record<string, unknown>> | undefined;
    return means?.[judge] === undefined
      ? [data("–")]
      : mean(sources, { file, path }, String(rows[at]!["player"]), judge);
  };
  const left = { align: "left" as const };
  return {
    type: "table",
    ...text,
    wide: true,
    columns: [
      { title: ["player"], ...left },
      ...judges.map((judge) => ({ title: [data(judge)], ...left })),
      { title: ["words"], align: "right" },
      { title: [data("distinct-2")], align: "right" },
    ],
    groups: [
      rows.map((row, at) => [
        [data(String(row["player"]))],
        ...judges.map((judge) => cell(at, judge)),
        [savedValue(sources, file, [...path, at, "words"], "decimal1")],
        [savedValue(sources, file, [...path, at, "distinct2"], "decimal2")],
      ]),
    ],
  };
}

/** What the judges that did not reward say of two players, in a sentence; its claims are rows of the saved table. */
function verdictOf(sources: Sources, { file, path }: Rows, pair: string, name: Text): Text {
  const rows = savedRows(sources, file, path);
  const found = rows.flatMap((row, at) =>
    row["a − b"] === pair && /^a is/.test(String(row["verdict"]))
      ? [{ at, judge: String(row["judge"]), isHigher: row["verdict"] === "a is higher" }]
      : [],
  );
  if (rows.every((row) => row["a − b"] !== pair)) return prose`Of ${name} nothing was saved. `;
  if (found.length === 0) return prose`No judge that did not reward shows a difference between ${name}. `;
  const of = (at: number, field: string) => savedValue(sources, file, [...path, at, field], "signed3");
  return prose`Judges that did not reward show of ${name}: ${enumerate(
    found.map(
      ({ at, judge, isHigher }) =>
        prose`${data(judge)} ${isHigher ? "rises" : "falls"} by ${of(at, "difference")} [${of(at, "low")}, ${of(at, "high")}]`,
    ),
  )}. `;
}

async function compose(sources: Sources): Promise<PaperDocument> {
  const [costs, learned] = [saved("costs.json"), saved("learned.json")];
  const cost = (field: string, format: "decimal1" | "integer" | "bytes" = "decimal1") =>
    savedValue(sources, costs, ["costs", field], format);
  const kl = (at: number) => savedValue(sources, learned, [at, "KL, nats a completion, last"], "decimal1");
  const named = (player: string) => mean(sources, fastRows, player, "named");
  const { persona = "not saved" } = (sources.read(pairsRewarded.file) ?? {}) as { readonly persona?: string };
  const fast = ["named", "adherence", "consistency", "safety", "rewarding voice"];
  const asking = savedRows(sources, fastRows.file, fastRows.path).some(
    ({ means }) => (means as Record<string, unknown> | undefined)?.["asked"] !== undefined,
  );
  return {
    title: "A Persona as the User: Supervised and Reinforced Simulators, Judged by Others",
    authors: ["The persona-dialogue-notebooks project"],
    abstract: prose`A small causal model learns to play a user whom a tag names. A bag of words that was trained on other topics
      names the persona of its answers with a share of ${named("base")} before training and ${named("SFT")} after it, where the
      written turns reach ${named("written")}. ${verdictOf(sources, pairsRewarded, "RL − SFT", prose`reinforcement beside supervision`)}Without a KL
      penalty the same reward moves the model ${kl(1)} nats a completion away, with it ${kl(0)}.`,
    keywords: [
      "user simulation",
      "personas",
      "QLoRA",
      "reinforcement learning",
      "reward hacking",
      "evaluation",
    ],
    works: {
      ahmadian2024: {
        type: "misc",
        authors: ["Arash Ahmadian", "Chris Cremer", "Matthias Gallé", "others"],
        title:
          "Back to Basics: Revisiting REINFORCE Style Optimization for Learning from Human Feedback in LLMs",
        year: 2024,
        arxiv: "2402.14740",
      },
      dettmers2023: {
        type: "misc",
        authors: ["Tim Dettmers", "Artidoro Pagnoni", "Ari Holtzman", "Luke Zettlemoyer"],
        title: "QLoRA: Efficient Finetuning of Quantized LLMs",
        year: 2023,
        arxiv: "2305.14314",
      },
      gao2022: {
        type: "misc",
        authors: ["Leo Gao", "John Schulman", "Jacob Hilton"],
        title: "Scaling Laws for Reward Model Overoptimization",
        year: 2022,
        arxiv: "2210.10760",
      },
      efron1979: bibliography.efron1979,
      hu2022: bibliography.hu2022,
    },
    blocks: [
      section("The task"),
      paragraph(prose`An assistant can be tested on simulated users. The simulator reads a definition, a tag and what was said, and
        writes the next turn of the persona. Dialogues are unrolled: each turn of a persona is an example, whose prompt is all that was
        said before. All personas talk about the same topics, and training, validation and test share none, so that what a turn is about
        does not tell who says it.`),
      savedTable(sources, {
        label: "tab:data",
        caption: prose`Dialogues by persona; who made them stands in the notebook`,
        file: saved("dialogues.json"),
        columns: [
          { field: "persona" },
          { field: "dialogues", format: "integer" },
          { field: "topics", format: "integer" },
          { field: "turns", format: "integer" },
          { field: "meanWords", title: ["words a turn"], format: "decimal1" },
        ],
      }),
      section("Training"),
      paragraph(prose`Supervision is QLoRA ${cite("dettmers2023")}: low-rank adapters ${cite("hu2022")} on all linear layers over a base
        in NF4. The training took ${cost("minutes")} minutes at ${cost("tokens a second", "integer")} tokens a second; the adapter's file
        has ${cost("adapter file, bytes", "bytes")}. At this rate the same tokens would take Llama-3-8B
        ${cost("larger: hours for as many tokens")} hours here, with ${cost("larger: bytes held", "bytes")} for the base and what is trained.`),
      paragraph(prose`Reinforcement starts from the supervised adapter and is held to it. The reward is the probability that a bag of words,
        trained on a half of the training topics, gives to the persona; completions are compared with others of their prompt
        ${cite("ahmadian2024")}. Rewarded are the prompts of: ${data(persona)}. A second run has no KL penalty and is otherwise the same: rewards that are pursued without
        restraint are known to be met to the letter ${cite("gao2022")}.`),
      savedTable(sources, {
        label: "tab:learned",
        caption: prose`Reinforcement: means of the first and the last fifth of each run`,
        file: learned,
        columns: [
          { field: "run" },
          { field: "reward, first", format: "decimal2" },
          { field: "reward, last", format: "decimal2" },
          { field: "KL, nats a completion, last", title: ["KL, last"], format: "decimal1" },
          { field: "tokens a completion, last", title: ["tokens, last"], format: "decimal1" },
        ],
      }),
      section("Judges"),
      paragraph(prose`A judge may reward only if it tells right answers from wrong ones on validation topics. The rewarding voice does:
        for the same turn under another persona its AUC is
        ${savedValue(sources, saved("card-voice.json"), ["swapped", "auc", "value"], "decimal2")}, for weaker answers
        ${savedValue(sources, saved("card-voice.json"), ["contradicted", "auc", "value"], "decimal2")}; the embedded judge, made for people
        with facts, reaches ${savedValue(sources, saved("card-embedded.json"), ["swapped", "auc", "value"], "decimal2")} and
        ${savedValue(sources, saved("card-embedded.json"), ["contradicted", "auc", "value"], "decimal2")}. The judge that rewarded
        decides nothing about what it rewarded. Intervals are bootstrap intervals over dialogues ${cite("efron1979")}.`),
      section("Results"),
      paragraph(prose`Table ${refer("tab:players")} has the players between two bounds, another persona's turn in the same place and the
        written one. ${verdictOf(sources, pairsEverywhere, "SFT − base", prose`supervision beside the base`)}Where reinforcement
        was rewarded, Table ${refer("tab:rewarded")} counts. ${verdictOf(
          sources,
          pairsRewarded,
          "RL − SFT",
          prose`reinforcement beside supervision`,
        )}${verdictOf(sources, pairsRewarded, "no KL − SFT", prose`reinforcement without a penalty beside supervision`)}A player that a
        voice finds likelier than the written turns speaks to the voice.`),
      playersTable(sources, fastRows, asking ? [...fast, "asked"] : fast, {
        label: "tab:players",
        caption: prose`Players and bounds in ${savedValue(sources, fastRows.file, ["places"], "integer")} places of test dialogues, with intervals`,
      }),
      playersTable(sources, rewardedRows, ["named", "adherence", "rewarding voice"], {
        label: "tab:rewarded",
        caption: prose`Players and bounds in ${savedValue(sources, rewardedRows.file, ["places"], "integer")} places where RL was rewarded`,
      }),
      playersTable(sources, slowRows, ["quality", "embedded"], {
        label: "tab:slow",
        caption: prose`The same by judges that ask a model, in ${savedValue(sources, slowRows.file, ["slowPlaces"], "integer")} places`,
      }),
      await savedFigure(sources, {
        file: saved("character"),
        label: "fig:character",
        caption: prose`Adherence over the turns of conversations in which each player hears itself`,
        alternative: "Lines of adherence by turn for base, SFT and RL, with bands",
      }),
      savedTable(sources, {
        label: "tab:character",
        caption: prose`Character over conversations: means of early, middle and late turns, and the slope a turn with its interval`,
        file: saved("slopes.json"),
        columns: [
          { field: "player" },
          { field: "turns 1–3", title: ["early"], format: "decimal2" },
          { field: "4–7", title: ["middle"], format: "decimal2" },
          { field: "8 and later", title: ["late"], format: "decimal2" },
          { field: "slope a turn", title: ["slope"], format: "signed3" },
          { field: "low", format: "signed3" },
          { field: "high", format: "signed3" },
        ],
      }),
      section("What this does not show"),
      paragraph(prose`Both voices are bags of words, of one kind though of different topics: they see which words are said, and nothing of
        sense. The contradiction scorer and the embedded judge are rough, and no person has judged. A small model that speaks in a persona's
        words need not make sense in them; the notebook has conversations and worst turns to be read.`),
    ],
  };
}

/** What the report of notebook 08 says, from the files that its run left. */
export const simulatorStudy: Study = { notebook, compose };
