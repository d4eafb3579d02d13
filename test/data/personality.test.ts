import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  clues,
  forms,
  personalityCard,
  readTraitDialogues,
  speakersOf,
  type Trait,
  traitAccuracy,
  type TraitDialogue,
  traits,
} from "../../scripts/personality";
import { factsOf } from "../../src/corpus/persona";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import { splitWords, utterances } from "../../src/corpus/statistics";
import { diversityBeside, runsOf } from "../../src/simulator/checks";
import { safetyFlags } from "../../src/simulator/safety";
import { simpleTokens } from "../../src/text/characters";

const rows = readTraitDialogues();
const card = readFileSync(join(__dirname, "../../data/personality/README.md"), "utf8");
const of = (form: string) => rows.filter((row) => row.form === form);
const place = ({ id, form }: TraitDialogue) => `${id}, ${form}`;
const personas = of("traits").flatMap((row) => row.personas);
const facts = personas.flatMap((persona) => persona.facts);

test("120 dialogues, each with its plain twin on the next line: the same personas, other words", () => {
  assert.equal(rows.length, 240);
  rows.forEach((row, at) => {
    assert.equal(row.id, `p${String(1 + (at >> 1)).padStart(3, "0")}`);
    assert.equal(row.form, forms[at % 2]);
  });
  of("traits").forEach((row, at) => {
    const twin = of("plain")[at]!;
    assert.deepEqual(twin.personas, row.personas, row.id);
    const shared = row.turns.filter((turn) => twin.turns.includes(turn));
    assert.deepEqual(shared, [], row.id);
  });
});

test("6 to 10 turns of 6 to 25 words, each a line of whole sentences, none said twice", () => {
  for (const row of rows) {
    assert.ok(row.turns.length >= 6 && row.turns.length <= 10, `${place(row)}: ${row.turns.length} turns`);
    for (const turn of row.turns) {
      const words = splitWords(turn).length;
      assert.ok(words >= 6 && words <= 25, `${place(row)}: ${words} words: ${turn}`);
      assert.match(turn, /^(?=\S)[^\n\t’‘“”]*[.!?]$/, place(row));
    }
    assert.deepEqual(safetyFlags(row.turns), [], place(row));
  }
});

test("facts are short, in the first person, and no two personas share one, nor one with the sample", async () => {
  for (const fact of facts) {
    assert.match(fact, /^(I|My)\b[^\n\t’‘“”]*\.$/);
    assert.ok(splitWords(fact).length <= 10, fact);
  }
  assert.equal(new Set(facts).size, 240 * 5);
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const sample = new Set(Object.values(splits).flat().flatMap((row) => factsOf(row.personas)));
  assert.deepEqual(
    facts.filter((fact) => sample.has(fact)),
    [],
  );
});

test("each trait is as often high as low, and half of all labels are none", () => {
  for (const trait of traits) {
    const count = (label: string) => personas.filter((persona) => persona.traits[trait] === label).length;
    assert.deepEqual([count("high"), count("low"), count("none")], [60, 60, 120], trait);
  }
  for (const { traits: labels } of personas) {
    const given = Object.values(labels).filter((label) => label !== "none").length;
    assert.ok(given === 2 || given === 3, JSON.stringify(labels));
  }
});

const sign = { high: 1, low: -1, none: 0 } as const;

test("no trait goes with another: of any two, like labels are as many as unlike ones", () => {
  for (const [at, one] of traits.entries())
    for (const other of traits.slice(at + 1)) {
      const products = personas.map(({ traits: labels }) => sign[labels[one]] * sign[labels[other]]);
      assert.ok(products.filter((product) => product !== 0).length >= 40, `${one} ${other}`);
      assert.equal(
        products.reduce((sum: number, product) => sum + product, 0),
        0,
        `${one} ${other}`,
      );
    }
});

test("nor with a partner's, nor with who begins", () => {
  for (const one of traits) {
    const first = of("traits").reduce((sum, row) => sum + sign[row.personas[0].traits[one]], 0);
    assert.ok(Math.abs(first) <= 5, `${one}: ${first}`);
    for (const other of traits) {
      const products = of("traits").map((row) => sign[row.personas[0].traits[one]] * sign[row.personas[1].traits[other]]);
      const sum = products.reduce((total: number, product) => total + product, 0);
      assert.ok(Math.abs(sum) <= 10, `${one} ${other}: ${sum}`);
    }
  }
});

const told = (trait: Trait) =>
  Object.fromEntries(Object.keys(clues).map((clue) => [clue, traitAccuracy(rows, trait, clue)]));

for (const trait of traits)
  test(`${trait} is told from what is said in trait dialogues, not from facts or plain twins`, () => {
    const accuracy = told(trait);
    assert.ok(accuracy["trait turns"]! > 0.75, JSON.stringify(accuracy));
    assert.ok(accuracy["facts"]! < 0.65, JSON.stringify(accuracy));
    assert.ok(accuracy["plain turns"]! < 0.65, JSON.stringify(accuracy));
  });

test("naive Bayes finds a word that tells, and nothing where none does", () => {
  const none = { O: "none", C: "none", E: "none", A: "none", N: "none" } as const;
  const made = Array.from({ length: 20 }, (_, at): TraitDialogue => {
    const label = at % 3 === 0 ? "high" : "low";
    const persona = { facts: Array.from({ length: 5 }, () => "I bake."), traits: { ...none, O: label } } as const;
    const other = { facts: persona.facts, traits: none };
    return { id: `p${at}`, form: "traits", personas: [persona, other], turns: [label === "high" ? "A cloud?" : "A wall.", "Well."] };
  });
  assert.equal(traitAccuracy(made, "O", "trait turns"), 1);
  const silent = made.map((row) => ({ ...row, turns: ["Well.", "Well."] }));
  assert.equal(traitAccuracy(silent, "O", "trait turns"), 13 / 20);
});

test("no trait is named, in facts or in turns", () => {
  const names = [
    /\b(dis)?(open-?minded|openness|agreeabl\w*|organi[sz]ed|conventional)\b/i,
    /\b(conscientious|extra?o?vert|introvert|neurotic|anxi)/i,
    /\b(curious|curiosity|imaginative|creative|careless|outgoing|talkative|reserved|sociable|shy|shyness|cooperative|sympathetic|calm|calmly|reliable|unreliable|worrier|personality|traits?)\b/i,
  ];
  for (const text of [...facts, ...rows.flatMap(({ turns }) => turns)])
    for (const name of names) assert.doesNotMatch(text, name);
});

test("each speaks from its own facts rather than the partner's", () => {
  for (const form of forms) {
    const speakers = speakersOf(rows, form);
    const common = new Set("i my a an the and of in on at to for with it is am are was have has had not no do be been".split(" "));
    const content = (texts: readonly string[]) => new Set(texts.flatMap(splitWords).filter((word) => !common.has(word)));
    const shared = (said: ReadonlySet<string>, own: ReadonlySet<string>) => [...own].filter((word) => said.has(word)).length;
    const totals = speakers.map(({ turns, persona, partner }) => {
      const said = content(turns);
      return { own: shared(said, content(persona.facts)), partner: shared(said, content(partner.facts)) };
    });
    const sum = (side: "own" | "partner") => totals.reduce((total, one) => total + one[side], 0);
    assert.ok(sum("own") > 2 * sum("partner"), `${form}: ${sum("own")} and ${sum("partner")}`);
    const silent = totals.filter(({ own }) => own === 0).length;
    assert.ok(silent <= 12, `${form}: ${silent} of 240 say nothing of their facts in the facts' words`);
  }
});

test("they are written out: no run of eight words is said twice", () => {
  const places = new Map<string, string>();
  for (const row of rows)
    for (const turn of row.turns)
      for (const run of runsOf(turn, 8)) {
        assert.equal(places.get(run), undefined, `${place(row)} and ${places.get(run)}: ${run}`);
        places.set(run, place(row));
      }
});

test("no two dialogues open with the same four words", () => {
  const openings = rows.map(({ turns }) => simpleTokens(turns[0]!).slice(0, 4).join(" "));
  assert.deepEqual(
    openings.filter((opening, at) => openings.indexOf(opening) !== at),
    [],
  );
});

test("both forms are as varied as the sample's turns, at equal length", async () => {
  const { splits } = await loadCorpus({ directory: sampleDirectory });
  const sample = utterances(Object.values(splits).flat());
  for (const form of forms) {
    const { distinct2, reference, tokens } = diversityBeside(of(form).flatMap(({ turns }) => turns), sample);
    assert.ok(tokens > 10_000 && distinct2 >= reference, `${form}: ${distinct2} beside ${reference} over ${tokens} tokens`);
  }
});

test("twins are of like length: in all, turns and words differ by less than a twentieth", () => {
  const [first, second] = forms.map((form) => {
    const turns = of(form).flatMap((row) => row.turns);
    return { turns: turns.length, words: turns.reduce((sum, turn) => sum + splitWords(turn).length, 0) };
  });
  for (const measure of ["turns", "words"] as const) {
    const ratio = first![measure] / second![measure];
    assert.ok(ratio > 0.95 && ratio < 1.05, `${measure}: ${ratio}`);
  }
});

test("the card has these figures", async () => {
  for (const line of (await personalityCard(rows)).split("\n")) assert.ok(card.includes(line), line);
});
