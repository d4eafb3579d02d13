import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Analyzer } from "../../src/retrieval/analyzer";
import { differenceBases } from "../../src/retrieval/list-forest";
import { countTerms } from "../../src/retrieval/term-counts";

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** The bases of some texts' n-grams of 2 to 4 characters, and the documents of each. */
function basesOf(texts: readonly string[], isListed: (documents: number) => boolean = () => true) {
  const analyzer = Analyzer.create({ analyzer: "char", ngramRange: [2, 4], lowercase: true });
  const { documentFrequency, blocks } = countTerms(texts, analyzer);
  const bases = differenceBases(
    documentFrequency,
    (term) => isListed(documentFrequency[term]!),
    analyzer.shorterTerms(),
  );
  const documents = Array.from(documentFrequency, (_, term) =>
    blocks.flatMap(({ starts, documents }) => [...documents.subarray(starts[term]!, starts[term + 1]!)]),
  );
  return { bases: [...bases], documents };
}

test("what occurs together is listed once: n-grams of one word have one list, and the others' differences are empty", () => {
  const { bases, documents } = basesOf(["favorite", "favorite", "hat"]);
  const lengths = documents.map((own, term) =>
    Math.abs(own.length - documents[Math.abs(bases[term]!)]!.length),
  );
  assert.equal(sum(documents.map((own) => own.length)), 2 * (7 + 6 + 5) + 2 + 1);
  assert.equal(sum(lengths), 2 + 1);
});

test("every base holds the term's documents or is held by them, leads to a whole list, and makes no list longer", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c", " "), maxLength: 9 });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 12 }), fc.nat(12), (texts, most) => {
      const { bases, documents } = basesOf(texts, (documents) => documents <= most);
      let differences = 0;
      bases.forEach((base, term) => {
        const [own, others] = [documents[term]!, documents[Math.abs(base)]!];
        const [all, part] = base < 0 ? [others, own] : [own, others];
        assert.ok(part.every((document) => all.includes(document)));
        if (base !== 0) assert.ok(own.length > 0 && own.length <= most && others.length <= most);
        if (own.length <= most) differences += all.length - part.length;
        const way = new Set<number>();
        for (let at = term; at !== 0; at = Math.abs(bases[at]!)) {
          assert.ok(!way.has(at));
          way.add(at);
        }
      });
      assert.ok(differences <= sum(documents.map((own) => (own.length <= most ? own.length : 0))));
    }),
  );
});
