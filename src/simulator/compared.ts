import { mean, standardDeviation } from "simple-statistics";
import {
  bootstrapInterval,
  type BootstrapOptions,
  distinctN,
  type Interval,
  ratioMetric,
  wilsonInterval,
} from "../metrics";
import { splitWords } from "../corpus";
import type { ScoredTurn } from "./scored";

/** A mean over turns with its interval over dialogues; undefined where nothing was scored. */
export function meanOverDialogues(
  turns: readonly Pick<ScoredTurn, "dialogue">[],
  values: readonly (number | undefined)[],
  options?: BootstrapOptions,
): Interval | undefined {
  const groups = new Map<string, [sum: number, count: number]>();
  turns.forEach(({ dialogue }, i) => {
    const value = values[i];
    if (value === undefined) return;
    const [sum, count] = groups.get(dialogue) ?? [0, 0];
    groups.set(dialogue, [sum + value, count + 1]);
  });
  if (groups.size === 0) return undefined;
  return bootstrapInterval(ratioMetric([...groups.values()]), options);
}

/** A line of {@link playerRows}: a player, and of each judge the mean with its interval. */
export interface PlayerRow {
  readonly player: string;
  readonly turns: number;
  readonly means: Readonly<Record<string, Interval | undefined>>;
  /** Mean words of a turn. */
  readonly words: number;
  /** The share of pairs of words, over all turns, that are not repeats. */
  readonly distinct2: number;
}

/** What judges say of players, in order of their appearance, with length and variety beside it. */
export function playerRows(
  scored: readonly ScoredTurn[],
  judges: readonly string[],
  options?: BootstrapOptions,
): PlayerRow[] {
  return [...new Set(scored.map(({ player }) => player))].map((player) => {
    const own = scored.filter((one) => one.player === player);
    const answers = own.map(({ answer }) => answer);
    return {
      player,
      turns: own.length,
      means: Object.fromEntries(
        judges.map((judge) => [
          judge,
          meanOverDialogues(
            own,
            own.map(({ scores }) => scores[judge]),
            options,
          ),
        ]),
      ),
      words: mean(answers.map((answer) => splitWords(answer).length)),
      distinct2: distinctN(answers, 2),
    };
  });
}

/** A line of {@link personaRows}. */
export type PersonaRow = {
  readonly persona: string;
  readonly judge: string;
  readonly mean: number;
  /** Standard deviation over the turns. */
  readonly deviation: number;
  readonly turns: number;
};

/** Mean and deviation of a player's turns by persona and judge; what no judge could score is left out. */
export function personaRows(
  scored: readonly ScoredTurn[],
  player: string,
  judges: readonly string[],
): PersonaRow[] {
  const own = scored.filter((one) => one.player === player);
  return [...new Set(own.map(({ persona }) => persona.id))].sort().flatMap((persona) =>
    judges.flatMap((judge): PersonaRow[] => {
      const values = own.flatMap((one) => (one.persona.id === persona ? (one.scores[judge] ?? []) : []));
      if (values.length === 0) return [];
      return [
        { persona, judge, mean: mean(values), deviation: standardDeviation(values), turns: values.length },
      ];
    }),
  );
}

/** A line of {@link pairedRows}. */
export type PairedRow = {
  readonly "a − b": string;
  readonly judge: string;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Places where both were scored. */
  readonly places: number;
  readonly verdict: "a is higher" | "a is lower" | "no difference shown" | "none: this judge rewarded";
};

/**
 * Two players place by place: the mean difference of a judge's scores with its interval over dialogues. A difference is shown where
 * the interval has no 0 in it. Where a judge rewarded one of the two, what it says of them decides nothing.
 *
 * @param rewarded the judges that rewarded, and the players that they did
 * @throws {Error} if a player said nothing, or was not asked in the same places
 */
export function pairedRows(
  scored: readonly ScoredTurn[],
  pairs: readonly (readonly [a: string, b: string])[],
  judges: readonly string[],
  {
    rewarded = { judges: [], players: [] },
    ...options
  }: BootstrapOptions & {
    readonly rewarded?: { readonly judges: readonly string[]; readonly players: readonly string[] };
  } = {},
): PairedRow[] {
  const of = (player: string) => {
    const own = scored.filter((one) => one.player === player);
    if (own.length === 0) throw new Error(`${player} said nothing that was scored`);
    return own;
  };
  return pairs.flatMap(([a, b]) => {
    const [left, right] = [of(a), of(b)];
    const place = ({ dialogue, turn }: ScoredTurn) => `${dialogue}, turn ${turn}`;
    if (left.map(place).join("\n") !== right.map(place).join("\n"))
      throw new Error(`${a} and ${b} were not asked in the same places`);
    return judges.flatMap((judge): PairedRow[] => {
      const differences = left.map(({ scores }, i) => {
        const [one, other] = [scores[judge], right[i]!.scores[judge]];
        return one === undefined || other === undefined ? undefined : one - other;
      });
      const found = meanOverDialogues(left, differences, options);
      if (!found) return [];
      const { value, low, high } = found;
      const decides = !(
        rewarded.judges.includes(judge) &&
        (rewarded.players.includes(a) || rewarded.players.includes(b))
      );
      return [
        {
          "a − b": `${a} − ${b}`,
          judge,
          ...{ difference: value, low, high },
          places: differences.filter((one) => one !== undefined).length,
          verdict: !decides
            ? "none: this judge rewarded"
            : low > 0
              ? "a is higher"
              : high < 0
                ? "a is lower"
                : "no difference shown",
        },
      ];
    });
  });
}

/** Of each persona the turns of a player that a judge likes least, the worst first. */
export function worstTurns(
  scored: readonly ScoredTurn[],
  player: string,
  judge: string,
  perPersona: number,
): ScoredTurn[] {
  const own = scored.filter((one) => one.player === player && one.scores[judge] !== undefined);
  return [...new Set(own.map(({ persona }) => persona.id))].sort().flatMap((id) =>
    own
      .filter(({ persona }) => persona.id === id)
      .sort((a, b) => a.scores[judge]! - b.scores[judge]!)
      .slice(0, perPersona),
  );
}

/** How many turns of each player fail by a judge that lets pass or not, with the interval of their share. */
export function failureRows(scored: readonly ScoredTurn[], judge: string): Record<string, string | number>[] {
  return [...new Set(scored.map(({ player }) => player))].flatMap((player) => {
    const scores = scored.flatMap((one) => (one.player === player ? (one.scores[judge] ?? []) : []));
    if (scores.length === 0) return [];
    const failed = scores.filter((score) => score < 1).length;
    const { value, high } = wilsonInterval(failed, scores.length);
    return [{ player, turns: scores.length, failed, share: value, "at most, 95 %": high }];
  });
}

/** What judges that did not reward say of reinforcement, of rows of {@link pairedRows} with the pair `RL − SFT`. */
export function reinforcedSentence(rows: readonly PairedRow[]): string {
  const of = (verdict: PairedRow["verdict"]) =>
    rows.filter((row) => row["a − b"] === "RL − SFT" && row.verdict === verdict).map(({ judge }) => judge);
  const [higher, lower] = [of("a is higher"), of("a is lower")];
  const worse = lower.length > 0 ? ` Worse by: ${lower.join(", ")}.` : "";
  return higher.length > 0
    ? `RL is better than SFT by: ${higher.join(", ")}.${worse}`
    : `No judge that did not reward shows RL better than SFT.${worse}`;
}
