import { cite, paragraph, proseWith, refer, section, type Sources, type Work } from "../paper";
import { bibliography } from "./bibliography";
import { savedFigure, savedRows, savedTable, savedValue } from "./parts";
import type { Study } from "./studies";

const prose = proseWith();
const notebook = "10-making-dialogues";
const file = (name: string) => `${notebook}/${name}.json`;

const works = {
  efron1979: bibliography.efron1979,
  jandaghi2023: {
    type: "misc",
    authors: ["Pegah Jandaghi", "XiangHai Sheng", "Xinyi Bai", "Jay Pujara", "Hakim Sidahmed"],
    title: "Faithful Persona-based Conversational Dataset Generation with Large Language Models",
    year: 2023,
    arxiv: "2312.10007",
  },
  mehri2020: {
    type: "inproceedings",
    authors: ["Shikib Mehri", "Maxine Eskenazi"],
    title: "Unsupervised Evaluation of Interactive Dialog with DialoGPT",
    container: "Proceedings of SIGdial",
    year: 2020,
  },
  rousseeuw1987: {
    type: "article",
    authors: ["Peter J. Rousseeuw"],
    title: "Silhouettes: A Graphical Aid to the Interpretation and Validation of Cluster Analysis",
    container: "Journal of Computational and Applied Mathematics",
    volume: "20",
    pages: "53–65",
    year: 1987,
  },
} satisfies Record<string, Work>;

/** The making of persona dialogues (notebook 10). */
export const makingDialogues: Study = {
  notebook,
  async compose(sources) {
    const ablated = place(sources, "ablation", "choice", "without critics and experts");
    return {
      title: "Making persona dialogues: expansion, pairing, generator and critics",
      authors: ["Persona Dialogue Notebooks"],
      keywords: ["persona-based dialogue", "synthetic data", "critics"],
      works,
      abstract: prose`Synthetic-Persona-Chat ${cite("jandaghi2023")} was made by a language model that writes and others that criticise. We run the recipe, offline with a small embedded generator, and report each part by scorers that had no say in the choice. From ${savedValue(sources, file("attributes"), [0, "count"], "integer")} attributes ${savedValue(sources, file("attributes"), [1, "count"], "integer")} became; ${savedValue(sources, file("statistics"), [0, "dialogues"], "integer")} dialogues were made. Whether later iterations are better than the first is for the intervals to say, not for the last row.`,
      blocks: [
        section("Attributes"),
        paragraph(
          prose`Attributes are clustered bottom-up by average linkage on cosines; the threshold is that of the greatest mean silhouette ${cite("rousseeuw1987")} among those at which no cluster has more than a fifth of the attributes (Fig. ${refer("fig:thresholds")}). New ones are answers to questions, asked of somebody who is five attributes; what is nearly there, toxic, too long or not about the speaker is refused (Table ${refer("tab:refused")}). The paper more than doubled its attributes at equal distance between clusters; Table ${refer("tab:expansion")} says what became of ours.`,
        ),
        await savedFigure(sources, {
          file: `${notebook}/thresholds`,
          label: "fig:thresholds",
          caption: prose`What the threshold of similarity does to the clusters.`,
          alternative: "Number of clusters, silhouette and coherence over the threshold",
          wide: true,
          height: 280,
        }),
        savedTable(sources, {
          label: "tab:expansion",
          caption: prose`Attributes before and after expansion`,
          file: file("attributes"),
          columns: [
            { field: "attributes", title: ["Attributes"] },
            { field: "count", title: ["Number"], format: "integer" },
            { field: "clusters", title: ["Clusters"], format: "integer" },
            { field: "coherence", title: ["Cosine within"] },
            { field: "distance", title: ["Distance between"] },
            { field: "mean words", title: ["Words"], format: "decimal1" },
          ],
        }),
        savedTable(sources, {
          label: "tab:refused",
          caption: prose`Answers that became no attribute`,
          file: file("expansion-refused"),
          columns: [
            { field: "why", title: ["Why"] },
            { field: "count", title: ["Answers"], format: "integer" },
          ],
        }),
        section("Pairs"),
        paragraph(
          prose`Profiles of five attributes without redundancy and contradiction are paired where enough pairs of their attributes lie in one cluster. Table ${refer("tab:pairing")} sweeps how many must.`,
        ),
        savedTable(sources, {
          label: "tab:pairing",
          caption: prose`Pairs of profiles by the clusters that they share at least`,
          file: file("pairing"),
          columns: [
            { field: "threshold", title: ["Shared"], format: "integer" },
            { field: "pairs", title: ["Pairs"], format: "integer" },
            { field: "share of pairs", title: ["Share"] },
            { field: "profiles with a partner", title: ["Profiles"], format: "integer" },
            { field: "coherence (mean cosine)", title: ["Cosine"] },
          ],
        }),
        section("Generator and critics"),
        paragraph(
          prose`In each iteration the generator learns from a part of the pool and writes candidates for every pair. Critics drop what is no dialogue, recites a profile, goes in circles, is toxic, or contradicts a profile; the last of these by words, or by a scorer above the strength that nineteen of twenty real dialogues stay below. Five experts compare what is left pairwise; the one with most comparisons won is kept and joins the pool. Table ${refer("tab:rejected")} counts who rejected what, Table ${refer("tab:cost")} what a kept dialogue costs, Fig. ${refer("fig:quality")} shows quality by iteration with bootstrap intervals ${cite("efron1979")}.`,
        ),
        savedTable(sources, {
          label: "tab:cost",
          caption: prose`Cost of a kept dialogue by iteration`,
          file: file("cost"),
          columns: [
            { field: "iteration", title: ["Iteration"], format: "integer" },
            { field: "candidates", title: ["Candidates"], format: "integer" },
            { field: "kept", title: ["Kept"], format: "integer" },
            { field: "tokens written a kept one", title: ["Tokens each"], format: "decimal1" },
            { field: "seconds a kept one", title: ["Seconds each"], format: "decimal1" },
          ],
        }),
        savedTable(sources, {
          label: "tab:rejected",
          caption: prose`Who rejected candidates`,
          file: file("rejected"),
          columns: [
            { field: "critic", title: ["Critic"] },
            { field: "rejected", title: ["Rejected"], format: "integer" },
          ],
        }),
        await savedFigure(sources, {
          file: `${notebook}/quality`,
          label: "fig:quality",
          caption: prose`Quality by iteration beside real dialogues of the same length; intervals over dialogues.`,
          alternative: "Four qualities over the iterations, made and real",
          wide: true,
        }),
        paragraph(
          prose`One stored pool was judged again with each critic and expert left out (Table ${refer("tab:ablation")}). Without any of them the first candidate is taken: then ${savedValue(sources, file("ablation"), [ablated, "facts said by their own speaker"])} of the facts are said by those whose they are, with all of them ${savedValue(sources, file("ablation"), [0, "facts said by their own speaker"])}.`,
        ),
        savedTable(sources, {
          label: "tab:ablation",
          caption: prose`One pool of candidates, judged without each part`,
          file: file("ablation"),
          wide: true,
          columns: [
            { field: "choice", title: ["Choice"] },
            { field: "dialogues", title: ["Dialogues"], format: "integer" },
            { field: "same choice, %", title: ["Same choice, percent"], format: "decimal1" },
            { field: "facts said", title: ["Facts said"] },
            { field: "facts said by their own speaker", title: ["By their own speaker"] },
            { field: "distinct pairs of words", title: ["Distinct pairs"] },
          ],
        }),
        section("What was made"),
        paragraph(
          prose`A model that did not choose looks at what was made, beside real dialogues (Table ${refer("tab:measured")}). A fact counts as taken if the dialogue makes it likelier; half of those offered are not the speaker's, two of them denials. The follow-ups are those of FED ${cite("mehri2020")}, whose agreement with people is weak. Table ${refer("tab:statistics")} describes the corpus.`,
        ),
        savedTable(sources, {
          label: "tab:measured",
          caption: prose`Made and real dialogues, with intervals over dialogues`,
          file: file("made-and-real"),
          columns: [
            { field: "dialogues", title: ["Dialogues"] },
            { field: "measure", title: ["Measure"] },
            { field: "value", title: ["Value"] },
            { field: "low", title: ["Low"] },
            { field: "high", title: ["High"] },
          ],
        }),
        savedTable(sources, {
          label: "tab:statistics",
          caption: prose`The corpus that was made, and the one that it was made from`,
          file: file("statistics"),
          columns: [
            { field: "corpus", title: ["Corpus"] },
            { field: "dialogues", title: ["Dialogues"], format: "integer" },
            { field: "turns a dialogue", title: ["Turns"], format: "decimal1" },
            { field: "words a turn", title: ["Words a turn"], format: "decimal1" },
            { field: "different words in as many turns", title: ["Vocabulary"], format: "integer" },
          ],
        }),
        section("Limits"),
        paragraph(
          prose`The embedded generator has few parameters and writes small talk that is mostly grammatical; it mixes up who is who and invents. Critics choose among what it writes and cannot write better. The scorer of contradictions is right in about half of the cases, the experts offline are rules about words. A larger model, named by one parameter, takes the places of generator, questions and experts; these numbers are then to be measured again.`,
        ),
      ],
    };
  },
};

/** The place of a row by one of its values; the first where there is none. */
function place(sources: Sources, name: string, field: string, value: string): number {
  return Math.max(
    0,
    savedRows(sources, file(name)).findIndex((row) => row[field] === value),
  );
}
