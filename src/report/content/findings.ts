import { enumerate, type Text } from "../../paper";
import {
  computed,
  type EffectMetric,
  factsOf,
  familyScore,
  metricNames,
  missingScore,
  type ReportContext,
} from "../context";
import { type EffectKind, effectMetrics, type Family } from "../effects";
import { prose } from "../prose";
import { cutReference, plainModel } from "../selection";

/** What the questions ask: each begins a sentence that the tests end. */
const questions: Readonly<Partial<Record<EffectKind, Text>>> = {
  training: prose`Beside the model that it started from, a fine-tuned model is`,
  bound: prose`Beside a random conversation of its length, a fine-tuned model is`,
  unfreezing: prose`With blocks of the encoder unfrozen beside its adapters, it is`,
  retrieval: prose`With snippets of similar people’s conversations in its input, it is`,
  content: prose`With snippets that were found by similarity, and not drawn at random, it is`,
  choice: prose`Where it chooses the most personal of several answers, it is`,
  length: prose`Where its answers may be longer, it is`,
  form: prose`Asked in another form than it was trained in, it is`,
};

/** The questions of the abstract, and whom they are about where no run answers them. */
const main: readonly (readonly [kind: EffectKind, absent: Text])[] = [
  ["training", prose`fine-tuned models and their base`],
  ["bound", prose`fine-tuned models and a random conversation of their length`],
  ["unfreezing", prose`unfrozen blocks and adapters alone`],
  ["retrieval", prose`inputs with snippets and without`],
  ["content", prose`retrieved snippets and random ones`],
];

/** What was found, in words: where it began, where it came to, and what each question's tests decided. */
export function findings(context: ReportContext): Text {
  const absent = main.filter(([kind]) => !context.computed.tallies[kind]);
  const gap =
    absent.length === 0
      ? []
      : prose`Nothing can be said of ${enumerate(absent.map(([, what]) => what))}: ${missingScore("no two variants on disk differ in this alone")}. `;
  const answered = main.flatMap(([kind]): Text => {
    const sentence = finding(context, kind);
    return sentence.length === 0 ? [] : [...sentence, " "];
  });
  return [...change(context), ...answered, ...gap];
}

/** What became of the base model by training, beside the reference of its length. */
function change(context: ReportContext): Text {
  const [base] = context.selection.bases;
  const [model, reference] = [plainModel(context.selection), cutReference(context.selection)];
  if (!base || !model) return [];
  const ownership = (family: Family): Text =>
    factsOf(context, family) === 0
      ? prose`no fact that comes up`
      : prose`${familyScore(context, family, "ownership", false)} in ownership`;
  const scores = (family: Family): Text =>
    prose`${familyScore(context, family, "rougeL", false)} in ROUGE-L, ${familyScore(context, family, "personaCoverageContent", false)}
      in content coverage and ${ownership(family)}`;
  const aim = reference
    ? prose`; the reference itself, cut to the length of the answers, has ${scores(reference)}`
    : [];
  return prose`Before training the model has ${scores(base)}; fine-tuned by adapters alone it has ${scores(model)}${aim}. `;
}

/** What the tests of one kind decided, in a sentence; nothing where there were none. */
export function finding(context: ReportContext, kind: EffectKind): Text {
  const tally = context.computed.tallies[kind];
  const question = questions[kind];
  if (!tally || !question) return [];
  const count = (metric: EffectMetric, name: "higher" | "lower" | "effects") =>
    computed(context, ["tallies", kind, metric, name], "integer");
  const inSome = (metric: EffectMetric, name: "higher" | "lower"): Text =>
    tally[metric][name] === tally[metric].effects
      ? [metricNames[metric]]
      : prose`${metricNames[metric]} (in ${count(metric, name)} of ${count(metric, "effects")} comparisons)`;
  const which = (name: "higher" | "lower") => effectMetrics.filter((metric) => tally[metric][name] > 0);
  const same = effectMetrics.filter((metric) => tally[metric].higher + tally[metric].lower === 0);
  if (same.length === effectMetrics.length)
    return prose`${question} not shown to differ in any of these scores.`;
  const parts = [
    ...(["higher", "lower"] as const).flatMap((name) =>
      which(name).length === 0
        ? []
        : [prose`${name} in ${enumerate(which(name).map((metric) => inSome(metric, name)))}`],
    ),
    ...(same.length === 0
      ? []
      : [prose`not shown to differ in ${enumerate(same.map((metric) => [metricNames[metric]]))}`]),
  ];
  return prose`${question} ${enumerate(parts)}.`;
}
