import { existsSync } from "node:fs";
import { join } from "node:path";
import { factsOf, loadCorpus, personaText, sampleDirectory } from "../src/corpus";
import { Random } from "../src/random";

const real = join(__dirname, "../../shared/data/spc");

/** Texts for benches, and where they are from. */
export interface BenchTexts {
  source: string;
  /** Persona pairs: the training and new-persona ones of the corpus. */
  documents: string[];
  /** Persona pairs of the test split. */
  queries: string[];
  conversations: string[];
}

/**
 * Synthetic-Persona-Chat where it lies beside the project, cut to `count` documents; otherwise as many documents and
 * conversations put together from the sample's facts and turns, of the corpus' lengths.
 */
export async function benchTexts(count: number): Promise<BenchTexts> {
  if (existsSync(real)) {
    const { splits, newPersona } = await loadCorpus({ directory: real, newPersona: true });
    const all = [...splits.train, ...newPersona].slice(0, count);
    return {
      source: "Synthetic-Persona-Chat",
      documents: all.map(personaText),
      queries: splits.test.map(personaText),
      conversations: all.map(({ text }) => text),
    };
  }
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const random = new Random(13);
  const facts = splits.train.flatMap(({ personas }) => factsOf(personas));
  const turns = splits.train.flatMap((conversation) => conversation.turns.map(({ text }) => text));
  const draw = (from: readonly string[], length: number) =>
    Array.from({ length }, () => from[random.integer(from.length)]!).join("\n");
  return {
    source: "recombined from the embedded sample",
    documents: Array.from({ length: count }, () => draw(facts, 9)),
    queries: Array.from({ length: 968 }, () => draw(facts, 9)),
    conversations: Array.from({ length: count }, () => draw(turns, 29)),
  };
}
