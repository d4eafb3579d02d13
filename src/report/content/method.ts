import { experimentSections } from "../../experiments";
import { rangeOf, type Setting } from "../../settings";
import {
  type Block,
  cite,
  type Column,
  continued,
  data,
  enumerate,
  type Format,
  math,
  paragraph,
  refer,
  section,
  subsection,
  type Table,
  type Text,
} from "../../paper";
import { computed, field, missingScore, otherThanT5, type ReportContext, setting } from "../context";
import { trainingFile } from "../found";
import { prose } from "../prose";

/** What is asked, with what data and model. */
export function introduction(context: ReportContext): Block[] {
  const isT5 = otherThanT5(context) === undefined;
  const model = isT5 ? prose`a T5 model ${cite("raffel2020")}` : prose`a language model`;
  const adapted = prose`adapted by low-rank matrices ${cite("hu2022")}`;
  const means = isT5
    ? prose`${model} ${adapted}, the last blocks of its encoder unfrozen,`
    : prose`${model} ${adapted}`;
  return [
    section("Introduction"),
    paragraph(
      prose`A dialogue system that is told who it speaks for should keep to it: somebody who keeps bees and fears flying must not
      be looking forward to a flight two turns later. Conditioning on a persona, a handful of sentences about each speaker, was
      made a task by PersonaChat ${cite("zhang2018")}; Synthetic-Persona-Chat ${cite("jandaghi2023")} gives conversations of better
      quality for it, written by a language model and filtered by critics.`,
    ),
    paragraph(
      prose`This report asks what small means can do: ${means} and conversations of similar people retrieved into its input
      ${cite("lewis2020")}. Four questions are put. Does fine-tuning beat the model it starts from, and an answer of the same length
      about somebody else? What do unfrozen blocks add to the adapters? Do retrieved snippets help, and if so, by what they say or
      by being there? And how do the length of the answer and the number of snippets play together?`,
    ),
    paragraph(
      prose`Everything was done in TypeScript: training too, on programs that TensorFlow.js ${cite("smilkov2019")} records and
      ONNX Runtime ${cite("onnxruntime")} runs. Every figure in this report is read from a file that a run left.
      Section ${refer("sec:data")} describes data and model, Section ${refer("sec:methods")} the methods; Sections
      ${refer("sec:results")} and ${refer("sec:errors")} hold results and errors, Section ${refer("sec:reproducibility")} says how to obtain
      every number again, and Section ${refer("sec:appendix")} has settings, tests and files.`,
    ),
    ...dataAndModel(context),
  ];
}

function dataAndModel(context: ReportContext): Block[] {
  const { found } = context;
  const other = otherThanT5(context);
  const models = found.variants.filter(({ kind }) => kind === "model" || kind === "base");
  const baseModel = models[0]
    ? field(context, models[0], ["settings", "base"], "text")
    : missingScore("no evaluation of a model was found")[0]!;
  return [
    section("Data and Model", "sec:data"),
    subsection("Conversations"),
    paragraph(
      prose`A record has the personas of two speakers, a few facts each, and one conversation between them. The corpus read by the
      runs, ${corpusName(context)}, has three splits (Table ${refer("tab:corpus")}). We keep the official splits: they share few
      facts, whereas a random division puts the same people on both sides. Training uses the first split alone; snippets and
      retrieved answers come from it as well, never from the conversation in question.`,
    ),
    corpusTable(context),
    subsection("Model"),
    other
      ? paragraph(
          prose`The base model is ${baseModel}, of the kind ${field(context, other, ["settings", "architecture"], "text")}: one chain of
      blocks reads an input and goes on with the answer.`,
        )
      : paragraph(
          prose`The base model is ${baseModel}, an encoder and decoder of T5's later form ${cite("raffel2020", "vaswani2017")}: gated
      feed-forward layers ${cite("shazeer2020")}, relative positions, and an output layer that is not tied to the embedding. The
      project's reference configuration is FLAN-T5 Small ${cite("chung2022")}; where it cannot be had, a smaller model of the same form
      that was pretrained for this project stands in, and the name above says which was used. Texts are split into pieces by
      SentencePiece's unigram model ${cite("kudo2018")}.`,
        ),
    subsection("Input and target"),
    paragraph(prose`The input names the task, then gives both personas and, if there are any, the snippets:`),
    {
      type: "listing",
      text: "persona-dialogue: <USER> persona of User 1 <SYSTEM> persona of User 2 <EXTERNAL KNOWLEDGE> snippets",
    },
    paragraph(
      prose`The tags are single tokens. An input that is too long loses words of its snippets first, from the end of the last one,
      and words of the personas only when no snippet is left; a tag is never cut. What was cut is counted
      (Table ${refer("tab:training")}). The target is a piece of the conversation, each turn on a line with its speaker, of at most
      the number of tokens that will be generated: its beginning, or from the turn on that says most of the personas. A
      model is always evaluated with inputs of the form it was trained on.`,
    ),
  ];
}

function corpusName(context: ReportContext): Text {
  return [computed(context, ["corpus", "directory"], "text")];
}

function corpusTable(context: ReportContext): Table {
  const columns: [title: string, key: string, format: Format][] = [
    ["conversations", "conversations", "integer"],
    ["turns", "turns", "decimal1"],
    ["words", "words", "decimal1"],
    ["facts", "facts", "decimal1"],
  ];
  return {
    type: "table",
    label: "tab:corpus",
    caption: prose`The conversations: number, and means for each`,
    columns: [
      { title: ["split"], align: "left" },
      ...columns.map(([title]): Column => ({ title: [title], align: "right" })),
    ],
    groups: [
      ["train", "valid", "test"].map((split) => [
        [split],
        ...columns.map(([, key, format]): Text => [
          computed(context, ["corpus", "splits", split, key], format),
        ]),
      ]),
    ],
    wide: false,
  };
}

/** How models are adapted, inputs extended and answers judged. */
export function methods(context: ReportContext): Block[] {
  const first = context.found.variants[0];
  const resamples = first
    ? field(context, first, ["resamples"], "integer")
    : missingScore("there is no summary")[0]!;
  const confidence = first
    ? field(context, first, ["confidence"], "percent")
    : missingScore("there is no summary")[0]!;
  return [
    section("Methods", "sec:methods"),
    subsection("Low-rank adaptation"),
    paragraph(
      prose`A weight ${math("W\\in\\mathbb{R}^{m\\times n}")} of the base model stays as it is. Beside it two thin matrices are
      trained ${cite("hu2022")}, so that the layer computes`,
    ),
    {
      type: "equation",
      label: "eq:lora",
      latex:
        "y = Wx + \\frac{\\alpha}{r}\\,BAx,\\quad A\\in\\mathbb{R}^{r\\times n},\\ B\\in\\mathbb{R}^{m\\times r},",
    },
    continued(
      prose`where ${math("A")} starts random and ${math("B")} at zero: before the first step the model is the base model. All
      projections of attention and feed-forward layers are adapted; files are those of PEFT ${cite("mangrulkar2022")}, which opens
      them. Variants that unfreeze also train the last blocks of the encoder whole; these weights are kept beside PEFT's files,
      which would lose them. The loss is the cross-entropy of the target's tokens, in which those of the personas' content words can
      weigh more (Section ${refer("sec:appendix")}). The optimiser is AdamW ${cite("loshchilov2019")} with clipping by the global norm.`,
    ),
    subsection("Retrieval"),
    paragraph(
      prose`For the personas in question the nearest personas of training conversations are looked up: by TF-IDF
      ${cite("salton1988")} over short sequences of characters and the cosine, or by BM25 ${cite("robertson2009")} over words. A few turns of the
      conversations found are the snippets. As a control, snippets of conversations drawn at random have the same length and form
      but say nothing about these people: what retrieved snippets add over them is due to their content.`,
    ),
    subsection("Baselines and bounds"),
    paragraph(
      prose`Two baselines need no model: ${emphasised("retrieval")} answers with the whole conversation of the nearest personas,
      ${emphasised("template")} with the facts of both personas, one after another. Bounds say how far the scale reaches:
      ${emphasised("random")} answers with a conversation of other people, ${emphasised("reference")} with the reference itself.
      Length alone moves every score, so both are also cut to the length at which models answer. A model should be judged between the
      random conversation and the reference of its own length, and not by its score alone.`,
    ),
    subsection("Scores"),
    paragraph(
      prose`BLEU ${cite("papineni2002")} is computed over all answers as sacreBLEU does ${cite("post2018")}; ROUGE-L
      ${cite("lin2004")} is the F-measure of the longest common subsequence; Jaccard compares the sets of words
      ${math("V(\\cdot)")} of answer ${math("o")} and reference. Persona coverage asks how much of the personas' ${math("P")} words
      the answer says,`,
    ),
    {
      type: "equation",
      label: "eq:coverage",
      latex: "\\mathrm{coverage}(o, P) = \\frac{|V(o)\\cap V(P)|}{|V(P)|},",
    },
    continued(
      prose`and content coverage leaves function words out, which any text says. Neither asks who says a word. Ownership does: a fact
      ${math("f")} of ${math("F")}, those that come up, does so in the turn that says most, and at least half, of its content words, and
      it is owned if that turn is its own speaker's,`,
    ),
    {
      type: "equation",
      label: "eq:ownership",
      latex:
        "\\mathrm{ownership} = \\frac{|\\{f \\in F : \\mathrm{speaker}(f) = \\mathrm{owner}(f)\\}|}{|F|},",
    },
    continued(
      prose`over the facts of all answers together; a fact that both personas have is not counted. An answer that hands facts out blindly
      has about a half. Distinct bigrams ${cite("li2016")} over all bigrams show repetition.`,
    ),
    subsection("Statistics"),
    paragraph(
      prose`Brackets hold ${confidence} percentile bootstrap intervals ${cite("efron1979", "koehn2004")} from ${resamples} resamples
      of the conversations, and of the seeds where there are several. Two variants answered the same conversations, so their difference is tested by paired approximate
      randomisation ${cite("noreen1989", "riezler2005")} with ${computed(context, ["trials"], "integer")} assignments; several seeds
      of one variant are averaged conversation by conversation first. Within each kind of comparison p-values are adjusted by
      Holm's method ${cite("holm1979")}. A difference is called one in this text only where its interval
      is without zero and the adjusted p is below ${computed(context, ["significance"], "plain")}; sentences about which variant is better are formed from these tests when the
      report is made.`,
    ),
  ];
}

const emphasised = (text: string): Text => [{ type: "emphasis", text }];

type Listed = readonly [key: string, name: string, format: Format];

/** What the report lists of trained models, in groups: the base model, and every setting of an experiment. */
const listed: readonly (readonly Listed[])[] = [
  [["base", "base model", "text"]],
  ...experimentSections.map(({ settings }) =>
    Object.entries(settings).map(([key, one]: [string, Setting]): Listed => {
      const range = rangeOf(one);
      return [key, one.label, range ? (range.whole ? "integer" : "plain") : "text"];
    }),
  ),
];

/** The settings of the trained models, and what their runs cost. */
export function settings(context: ReportContext): Block[] {
  const models = context.found.variants.filter(({ kind }) => kind === "model");
  const heading = subsection("Settings");
  if (models.length === 0) {
    return [
      heading,
      paragraph(prose`${missingScore("no trained model was evaluated")}: no evaluation of a trained model was found, so that there are
      no settings to report. The notebooks that train models leave them.`),
      trainingTable(context),
    ];
  }
  const row = ([key, name, format]: Listed): (readonly Text[])[] => {
    const holders = new Map<string, (typeof models)[number]>();
    for (const model of models) {
      const value = setting(model, key);
      if (value !== undefined && !holders.has(JSON.stringify(value)))
        holders.set(JSON.stringify(value), model);
    }
    if (holders.size === 0) return [];
    const values = [...holders.values()].sort(
      (a, b) => Number(setting(a, key)) - Number(setting(b, key)) || 0,
    );
    const shown = values.map((model) => field(context, model, ["settings", key], format));
    return [[[name], enumerate(shown)]];
  };
  const groups = listed.map((one) => one.flatMap(row)).filter((rows) => rows.length > 0);
  return [
    heading,
    paragraph(
      prose`Table ${refer("tab:settings")} lists the settings of the ${computed(context, ["counts", "models"], "integer")} trained
      models; a setting with several values is one that the comparisons vary. Table ${refer("tab:training")} says what each run
      cost and what did not fit its examples.`,
    ),
    {
      type: "table",
      label: "tab:settings",
      caption: prose`Settings of the trained models`,
      columns: [
        { title: ["setting"], align: "left" },
        { title: ["value or values"], align: "left", width: 0.58 },
      ],
      groups,
      wide: false,
    },
    trainingTable(context),
  ];
}

/** What lies beside each adapter: time, steps, what was cut. */
function trainingTable(context: ReportContext): Table {
  const { found, sources } = context;
  const seen = new Set<string>();
  const rows = found.variants.flatMap((variant): (readonly Text[])[] => {
    const file = variant.kind === "model" ? trainingFile(sources, variant.summary) : undefined;
    if (file === undefined || seen.has(file)) return [];
    seen.add(file);
    const cell = (path: readonly string[], format: Format): Text => [
      { type: "value", value: sources.value(file, path, format) },
    ];
    return [
      [
        [data(variant.name)],
        cell(["steps"], "integer"),
        cell(["seconds"], "duration"),
        cell(["truncation", "promptsWithCutSnippets"], "integer"),
        cell(["truncation", "promptsWithCutPersonas"], "integer"),
        cell(["truncation", "cutTargets"], "integer"),
      ],
    ];
  });
  return {
    type: "table",
    label: "tab:training",
    caption: prose`Training runs: steps, time, and examples that lost something to a limit`,
    columns: [
      { title: ["run"], align: "left", width: 0.36 },
      { title: ["steps"], align: "right" },
      { title: ["time"], align: "right" },
      { title: ["snippets"], align: "right" },
      { title: ["personas"], align: "right" },
      { title: ["targets"], align: "right" },
    ],
    groups: [
      rows.length > 0
        ? rows
        : [
            [
              ["any"],
              ...Array.from({ length: 5 }, () => missingScore("no adapter of an evaluated model was found")),
            ],
          ],
    ],
    wide: false,
  };
}
