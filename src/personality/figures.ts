import { bars, type Figure, heatmap, intervalPanels, linePanels } from "../figures";
import type { PreferredNgram } from "../metrics";
import { traitNames } from "../corpus";
import type { TraitEffect, TraitListening } from "./control";
import type { TraitAgreement } from "./scoring";
import type { TraitsAtTurn } from "./talks";

/** How well each trait is told, from dialogues with regard to traits and from their twins. */
export function agreementFigure(found: readonly TraitAgreement[]): Figure {
  const isTwinned = found.some(({ onTwins }) => onTwins !== undefined);
  const series = [
    { name: "written with regard to traits", of: (one: TraitAgreement) => one.kappa },
    ...(isTwinned ? [{ name: "twins, written without", of: (one: TraitAgreement) => one.onTwins }] : []),
  ];
  return bars({
    title: "Which traits can be told from what is said",
    caption:
      "Cohen's κ of scorers with the given labels, each scored by a scorer of other dialogues; 95 % intervals. 0 is chance.",
    categories: found.map(({ trait }) => trait),
    series: series.map(({ name, of }) => ({
      name,
      values: found.map((one) => of(one)?.value ?? null),
      intervals: found.map((one) => {
        const interval = of(one);
        return interval ? ([interval.low, interval.high] as const) : null;
      }),
    })),
    x: { title: "" },
    y: { title: "κ" },
  });
}

/** Effects of several ways to tell a trait, a row a trait and way, a panel a measure. */
export function effectsFigure(ways: Readonly<Record<string, readonly TraitEffect[]>>): Figure {
  const named = Object.entries(ways);
  const titles: Readonly<Record<string, string>> = {
    trait: "the trait's scorer, log-odds",
    words: "words",
    sentiment: "sentiment a word",
    questions: "questions",
  };
  const rows = traitNames.flatMap((trait) => named.map(([way, effects]) => ({ trait, way, effects })));
  return intervalPanels({
    title: "What a flipped trait changes",
    caption:
      "High less low, the same situations; intervals of 99 %, as there are five traits. A line that crosses 0 shows nothing.",
    categories: rows.map(({ trait, way }) => (way === named[0]![0] ? trait : "")),
    groups: rows.map(({ way }) => way),
    panels: Object.entries(titles).map(([measure, title]) => ({
      title,
      zero: true,
      values: rows.map(
        ({ trait, effects }) =>
          effects.find((one) => one.trait === trait && one.measure === measure)?.difference ?? null,
      ),
    })),
    width: 980,
    rowHeight: 16,
  });
}

/** What a model gains from labels as they are over labels turned round. */
export function listeningFigure(ways: Readonly<Record<string, readonly TraitListening[]>>): Figure {
  const named = Object.entries(ways);
  const rows = traitNames.flatMap((trait) => named.map(([way, found]) => ({ trait, way, found })));
  return intervalPanels({
    title: "Does the model listen to the label?",
    caption:
      "How much likelier held-out turns are by the label as it is than by the label turned round; 99 % intervals, as there are five traits.",
    categories: rows.map(({ trait, way }) => (way === named[0]![0] ? trait : "")),
    groups: rows.map(({ way }) => way),
    panels: [
      {
        title: "nats a turn",
        zero: true,
        values: rows.map(({ trait, found }) => found.find((one) => one.trait === trait)?.gain ?? null),
      },
    ],
    width: 760,
    rowHeight: 20,
  });
}

/** How much the scorer of each trait (columns) moves when each trait (rows) is flipped. */
export function shiftFigure(matrix: readonly (readonly number[])[], way: string): Figure {
  const most = Math.max(0.01, ...matrix.flat().map(Math.abs));
  return heatmap({
    title: "Does a trait move its own scorer, and no other?",
    caption: `${way}: mean shift in log-odds, high less low. On the diagonal each trait's own scorer.`,
    columns: traitNames.map((trait) => `${trait}?`),
    rows: traitNames,
    values: matrix,
    x: { title: "scorer" },
    y: { title: "flipped" },
    z: { title: "shift", range: [-most, most] },
    format: (value) => value.toFixed(2),
    width: 820,
    height: 420,
  });
}

/** The n-grams that one level of a trait prefers most, and those that it avoids most. */
export function ngramsFigure(ngrams: readonly PreferredNgram[], trait: string, most = 8): Figure {
  const chosen = [
    ...ngrams.slice(0, most).filter(({ z }) => z > 0),
    ...ngrams.slice(-most).filter(({ z }) => z < 0),
  ];
  return bars({
    title: `Words of high and of low ${trait}`,
    caption:
      "z of log-odds with a Dirichlet prior: to the right what is said more where the trait is high, to the left where it is low. Beyond ±1.96 it is more than chance, for one n-gram by itself.",
    categories: chosen.map(({ ngram }) => ngram),
    series: [{ name: "z", values: chosen.map(({ z }) => z) }],
    horizontal: true,
    x: { title: "" },
    y: { title: "z" },
    height: 160 + 22 * chosen.length,
  });
}

/** A score of a mixture, with the interval that it has. */
export interface MixturePoint {
  readonly ratio: number;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Scores over the share of distilled dialogues, a panel a score, a line a domain. */
export function mixtureFigure(
  scores: Readonly<Record<string, Readonly<Record<string, readonly MixturePoint[]>>>>,
): Figure {
  return linePanels({
    title: "From natural to distilled",
    caption:
      "Scores of models by the share of distilled dialogues that they learned from, on both domains; 95 % intervals.",
    panels: Object.entries(scores).map(([title, domains]) => ({
      title,
      fromZero: false,
      series: Object.entries(domains).map(([name, points]) => ({
        name: `tested on ${name}`,
        x: points.map(({ ratio }) => ratio),
        y: points.map(({ value }) => value),
        low: points.map(({ low }) => low),
        high: points.map(({ high }) => high),
      })),
    })),
    columns: 3,
    x: { title: "share of distilled", range: [-0.05, 1.05] },
    width: 980,
    height: 360,
  });
}

/** How clearly speakers show their traits, turn by turn; ways in which nobody said anything are left out. */
export function turnsFigure(ways: Readonly<Record<string, readonly TraitsAtTurn[]>>): Figure {
  const panels = Object.entries(ways).filter(([, turns]) => turns.length > 0);
  const columns = Math.max(1, Math.min(3, panels.length));
  return linePanels({
    title: "Traits by turn",
    caption:
      "Log-odds of the speakers' traits towards the level that they have, less what all turns have; 95 % intervals over talks. 0 is chance.",
    panels: panels.map(([title, turns]) => ({
      title,
      fromZero: false,
      series: [
        {
          name: "shown",
          x: turns.map(({ turn }) => turn),
          y: turns.map(({ shown }) => shown.value),
          low: turns.map(({ shown }) => shown.low),
          high: turns.map(({ shown }) => shown.high),
        },
      ],
    })),
    columns,
    x: { title: "turn" },
    width: 980,
    height: 120 + 230 * Math.max(1, Math.ceil(panels.length / columns)),
  });
}
