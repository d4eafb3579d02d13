import { cite, type PaperDocument, paragraph, proseWith, section, type Sources } from "../paper";
import { bibliography } from "./bibliography";
import { differenceColumns, savedFigure, savedRows, savedTable, savedValue } from "./parts";
import type { Study } from "./studies";

const notebook = "09-personality";
const at = (name: string) => `${notebook}/${name}`;
const table = (name: string) => at(`tables/${name}.json`);
const prose = proseWith("F1");

/** Personality (notebook 09): from the tables that it saved. */
export const personalityStudy: Study = {
  notebook,
  async compose(sources): Promise<PaperDocument> {
    const effects = savedRows(sources, table("effects")).flatMap((row, i) =>
      row["measure"] === "trait" && row["verdict"] === "higher" ? [i] : [],
    );
    const listens = savedRows(sources, table("listening")).flatMap((row, i) =>
      row["verdict"] === "listens" ? [i] : [],
    );
    const told = savedRows(sources, table("agreement")).flatMap((row, i) =>
      row["verdict"] === "can be told" ? [i] : [],
    );
    return {
      title: "Personality: Whether Traits Steer a Small Dialogue Model",
      authors: ["The persona-dialogue-notebooks project"],
      abstract: prose`Traits of the Big Five are told to a small language model beside a persona's facts, as in PersonalityChat ${cite("lotfi2024")}. We ask whether traits can be
        told from what somebody says, whether the model listens to them, whether its answers show them, and what learning from dialogues that were
        written by traits does beside learning from those that were not. ${said(sources, "Shown to move their own scorers", effects, "effects", "Of flipped traits none is shown to move its own scorer")} Every number is read from a file that the notebook left.`,
      keywords: [
        "personality",
        "Big Five",
        "dialogue generation",
        "controlled generation",
        "distillation",
        "TypeScript",
      ],
      works: bibliography,
      blocks: [
        section("Method"),
        paragraph(
          prose`A model is told facts alone (P), or facts and traits (PT): by label, by adjectives, by a description. One adapter ${cite("hu2022")} learns all three wordings; another
            learns the same turns with the traits of other personas, so that its labels mean nothing. Held-out situations are answered with one trait high and with it
            low, everything else and the random numbers being equal. A trait's own scorer, a logistic model over words, says how far the answers move; n-grams are
            compared by log-odds with a Dirichlet prior ${cite("monroe2008")}. Intervals draw situations ${cite("efron1979")}; those of the five traits hold ninety-nine per cent, and p-values are adjusted for
            five ${cite("holm1979")}. An effect is shown where both agree.`,
        ),
        section("Are the Traits in the Words?"),
        paragraph(
          prose`Each speaker is scored by a scorer of other dialogues, and agreement with the given labels counted beyond chance ${cite("cohen1960")}. On twins, of the same personas but
            written without regard to traits, agreement must be chance. ${said(sources, "Told", told, "agreement", "No trait can be told")}`,
        ),
        savedTable(sources, {
          label: "tab:agreement",
          wide: true,
          caption: prose`Scorers against given labels, by folds, and on twins`,
          file: table("agreement"),
          columns: [
            { field: "trait" },
            { field: "speakers", format: "integer" },
            { field: "accuracy", format: "decimal2" },
            ...within("κ"),
            ...within("κ on twins"),
            { field: "verdict" },
          ],
        }),
        savedTable(sources, {
          label: "tab:labels",
          caption: prose`Labels from facts alone: shares of what is said, and agreement with given labels`,
          file: table("labels"),
          columns: [
            { field: "trait" },
            ...["high", "low", "no clue", "κ"].map((field) => ({ field, format: "decimal2" as const })),
          ],
        }),
        section("Do Traits Steer?"),
        paragraph(
          prose`Without a scorer, and without drawing anything: how much likelier is what held-out speakers said by the label that they have than by that label turned round?
            ${said(sources, "Listened to", listens, "listening", "No label is shown to be listened to")}`,
        ),
        savedTable(sources, {
          label: "tab:listening",
          caption: prose`Gain by labels as they are, in nats a turn`,
          file: table("listening"),
          columns: [
            { field: "way" },
            { field: "trait" },
            { field: "gain", format: "signed3" },
            { field: "gain low", title: ["low"], format: "signed3" },
            { field: "gain high", title: ["high"], format: "signed3" },
            { field: "verdict" },
          ],
        }),
        savedTable(sources, {
          label: "tab:effects",
          wide: true,
          caption: prose`High less low: the log-odds of each trait's own scorer`,
          file: table("effects"),
          where: ({ measure }) => measure === "trait",
          columns: [
            { field: "way" },
            { field: "trait" },
            { field: "difference", format: "signed3" },
            { field: "difference low", title: ["low"], format: "signed3" },
            { field: "difference high", title: ["high"], format: "signed3" },
            { field: "effect size", format: "signed3" },
            { field: "adjustedPValue", title: ["adjusted p"], format: "pValue" },
            { field: "verdict" },
          ],
        }),
        await savedFigure(sources, {
          file: at("effects"),
          wide: true,
          label: "fig:effects",
          caption: prose`What a flipped trait changes: its own scorer, words, sentiment and questions`,
          alternative:
            "Differences between high and low for five traits and several wordings, with intervals",
        }),
        section("Distilled against Natural"),
        savedTable(sources, {
          label: "tab:domains",
          wide: true,
          caption: prose`Models on both domains; perplexity is that of what was said`,
          file: table("domains"),
          columns: [
            { field: "domain" },
            { field: "model" },
            { field: "perplexity", format: "decimal1" },
            { field: "perplexity low", title: ["low"], format: "decimal1" },
            { field: "perplexity high", title: ["high"], format: "decimal1" },
            { field: "F1" },
            { field: "persona use" },
            { field: "tokens", format: "decimal1" },
            { field: "bits a byte", format: "decimal2" },
          ],
        }),
        savedTable(sources, {
          label: "tab:differences",
          wide: true,
          caption: prose`Differences in the same situations, all p-values adjusted together`,
          file: table("differences"),
          columns: differenceColumns,
        }),
        savedTable(sources, {
          label: "tab:diversity",
          caption: prose`MTLD ${cite("mccarthy2010")}, and types over equally many tokens`,
          file: table("diversity"),
          columns: [
            { field: "domain" },
            { field: "model" },
            { field: "MTLD", format: "decimal1" },
            { field: "TTR", format: "decimal2" },
          ],
        }),
        savedTable(sources, {
          label: "tab:judged",
          wide: true,
          caption: prose`Win, tie and lose; who judges stands beside it`,
          file: table("judged"),
          columns: [
            { field: "domain" },
            { field: "a against b", width: 0.24 },
            { field: "judge", width: 0.34 },
            ...["wins", "ties", "losses", "unscorable"].map((field) => ({
              field,
              format: "integer" as const,
            })),
          ],
        }),
        section("One Writer, or Two Speakers"),
        paragraph(
          prose`A turn leaks where somebody speaks of themselves and says a fact of the other, who has not said it yet. Two speakers, each told of itself alone, leak by
            chance; one writer, told of both, can leak by what it knows.`,
        ),
        savedTable(sources, {
          label: "tab:talks",
          wide: true,
          caption: prose`Whose facts are said, whose traits are shown, how likely turns are (nats a token, and what the turns before add), and what it takes`,
          file: table("talks"),
          columns: [
            { field: "way" },
            { field: "dialogues", format: "integer" },
            { field: "leaking" },
            { field: "leaking low", title: ["low"] },
            { field: "leaking high", title: ["high"] },
            { field: "facts said", format: "decimal2" },
            { field: "traits shown", format: "signed3" },
            { field: "naturalness", format: "decimal2" },
            { field: "coherence", format: "signed3" },
            { field: "tokens a turn", format: "decimal1" },
          ],
        }),
      ],
    };
  },
};

const within = (name: string) => [
  { field: name, format: "decimal2" as const },
  { field: `${name} low`, title: ["low"], format: "decimal2" as const },
  { field: `${name} high`, title: ["high"], format: "decimal2" as const },
];

/** Which rows of a table have a verdict, by way and trait; or that none has. */
function said(sources: Sources, begins: string, rows: readonly number[], name: string, none: string) {
  if (savedRows(sources, table(name)).length === 0) return prose`The notebook has not run.`;
  if (rows.length === 0) return prose`${none}.`;
  const named = rows.flatMap((i, place) => {
    const way =
      savedRows(sources, table(name))[i]!["way"] === undefined
        ? []
        : [" (", ...prose`${savedValue(sources, table(name), [i, "way"], "text")}`, ")"];
    return [...(place > 0 ? [", "] : []), savedValue(sources, table(name), [i, "trait"], "text"), ...way];
  });
  return prose`${begins}: ${named}.`;
}
