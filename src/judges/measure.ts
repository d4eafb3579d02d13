import { areaUnderCurve, bootstrapInterval, type Interval, ratioMetric } from "../metrics";
import { type JudgeCard, judgeKey } from "./card";
import { isVerdictScored, type Judge, type JudgeCase } from "./case";
import type { Composition } from "./composed";
import type { HeldOut, HeldOutPlace } from "./held-out";

export interface MeasureOptions {
  /** What the card says of where the answers are from. */
  readonly data: string;
  /** What measures it again. */
  readonly command: string;
  /** Judges that the card tells of as parts: a composed judge's parts and limits. */
  readonly parts?: readonly Judge[];
  /** Called after each place. */
  readonly onProgress?: (done: number, total: number) => void;
}

const kinds = ["contradicted", "swapped"] as const;
type Kind = (typeof kinds)[number];

/** The parts and limits of a composed judge. */
export const partsOf = ({ parts, limits = [] }: Composition): Judge[] => [
  ...parts.map(({ judge }) => judge),
  ...limits,
];

/** Scores of the three answers of a place; what cannot be scored is undefined. */
type PlaceScores = Record<"right" | Kind, number | undefined>;

/**
 * Measures how well a judge tells right answers from wrong ones, and writes its card. AUC and agreement have 95 % bootstrap intervals
 * over dialogues. A right answer that it cannot score counts as the lowest, a wrong one as the highest, so that refusing gains nothing.
 *
 * @throws {RangeError} without places
 */
export async function measureJudge(
  judge: Judge,
  { places, labels }: HeldOut,
  { data, command, parts = [], onProgress }: MeasureOptions,
): Promise<JudgeCard> {
  if (places.length === 0) throw new RangeError("a judge is measured on places, and there are none");
  const judges = [judge, ...parts];
  const scores: PlaceScores[][] = judges.map(() => []);
  for (const [at, place] of places.entries()) {
    // What looks at the same case shares what it finds out.
    for (const [i, one] of judges.entries())
      scores[i]!.push({
        right: await scoreOf(one, place.right),
        contradicted: await scoreOf(one, place.contradicted),
        swapped: await scoreOf(one, place.swapped),
      });
    onProgress?.(at + 1, places.length);
  }
  const own = scores[0]!;
  const apart = (kind: Kind) => ({
    places: places.length,
    auc: rounded(aucOf(places, own, kind)),
    agreement: rounded(agreementOf(places, own, kind)),
  });
  return {
    judge: judge.name,
    fingerprint: judgeKey(judge),
    labels,
    data,
    dialogues: new Set(places.map(({ dialogue }) => dialogue)).size,
    unscorable: own.flatMap((one) => Object.values(one)).filter((score) => score === undefined).length,
    contradicted: apart("contradicted"),
    swapped: apart("swapped"),
    parts: Object.fromEntries(
      parts.map((part, i) => [
        part.name,
        {
          contradicted: rounded(aucOf(places, scores[i + 1]!, "contradicted")),
          swapped: rounded(aucOf(places, scores[i + 1]!, "swapped")),
        },
      ]),
    ),
    command,
  };
}

async function scoreOf(judge: Judge, one: JudgeCase): Promise<number | undefined> {
  const verdict = await judge.judge(one);
  return isVerdictScored(verdict) ? verdict.score : undefined;
}

const rightScore = ({ right }: PlaceScores) => right ?? -Infinity;
const wrongScore = (scores: PlaceScores, kind: Kind) => scores[kind] ?? Infinity;

/** Indices of places by dialogue. */
function byDialogue(places: readonly HeldOutPlace[]): number[][] {
  const groups = new Map<string, number[]>();
  places.forEach(({ dialogue }, i) => groups.set(dialogue, [...(groups.get(dialogue) ?? []), i]));
  return [...groups.values()];
}

function aucOf(places: readonly HeldOutPlace[], scores: readonly PlaceScores[], kind: Kind): Interval {
  return areaUnderCurve(
    byDialogue(places).map((group) => ({
      right: group.map((i) => rightScore(scores[i]!)),
      wrong: group.map((i) => wrongScore(scores[i]!, kind)),
    })),
  );
}

function agreementOf(places: readonly HeldOutPlace[], scores: readonly PlaceScores[], kind: Kind): Interval {
  const won = (i: number) => {
    const [right, wrong] = [rightScore(scores[i]!), wrongScore(scores[i]!, kind)];
    return right > wrong ? 1 : right === wrong ? 0.5 : 0;
  };
  const rows = byDialogue(places).map((group): [number, number] => [
    group.reduce((sum, i) => sum + won(i), 0),
    group.length,
  ]);
  return bootstrapInterval(ratioMetric(rows), { resamples: 2000 });
}

const rounded = ({ value, low, high }: Interval): Interval => {
  const round = (number: number) => Math.round(1e4 * number) / 1e4;
  return { value: round(value), low: round(low), high: round(high) };
};
