/** A report that the library does not know, in one file: what a newcomer would write about a model of a new kind. */
import { cite, data, type PaperDocument, paragraph, refer, section, show } from "../../src/paper/document";
import { proseWith } from "../../src/paper/prose";
import type { Sources } from "../../src/paper/sources";
import { findContrasts, measureEffects } from "../../src/report/effects";
import { findOutputs, type FoundVariant } from "../../src/report/found";

const prose = proseWith();

/** What training adds to a bigram model, from the evaluations below the folder of `sources`. */
export function composeToyStudy(sources: Sources): PaperDocument {
  const { variants } = findOutputs(sources);
  const effects = measureEffects(findContrasts(variants), 13);
  const at = effects.findIndex(({ kind, metric }) => kind === "training" && metric === "rougeL");
  sources.write("toy/computed.json", { effects });
  const difference = (field: "difference" | "low" | "high") =>
    show(sources.value("toy/computed.json", ["effects", at, field], "signed3"));
  const score = ({ file, path }: FoundVariant) =>
    show(sources.value(file, [...path, "metrics", "rougeL", "value"], "decimal3"));
  return {
    title: "What Bigrams Learn",
    authors: ["A newcomer"],
    abstract: prose`A model of bigrams ${cite("shannon1948")} was trained; in ROUGE-L that adds ${difference("difference")}.`,
    keywords: ["bigrams"],
    works: {
      shannon1948: {
        type: "article",
        authors: ["Claude E. Shannon"],
        title: "A Mathematical Theory of Communication",
        container: "Bell System Technical Journal",
        volume: "27",
        pages: "379–423",
        year: 1948,
      },
    },
    blocks: [
      section("Results"),
      paragraph(prose`Of the scores in Table ${refer("tab:scores")} the interval of the difference is
        ${difference("low")} to ${difference("high")}.`),
      {
        type: "table",
        label: "tab:scores",
        caption: prose`ROUGE-L before and after training`,
        columns: [
          { title: ["variant"], align: "left" },
          { title: ["ROUGE-L"], align: "right" },
        ],
        groups: [variants.map((variant) => [[data(variant.name)], [score(variant)]])],
        wide: false,
      },
    ],
  };
}
