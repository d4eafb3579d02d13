import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { personaText } from "../../src/corpus/persona";
import { loadCorpus } from "../../src/corpus/spc/load";
import { sampleDirectory } from "../../src/corpus/spc/source";
import { splitNames } from "../../src/corpus/spc/types";
import { readJson } from "../../src/io/files";
import type { SearchResult } from "../../src/retrieval/best";
import { Bm25Index } from "../../src/retrieval/bm25";
import { BLOCK_SIZE } from "../../src/retrieval/term-counts";
import { TfidfIndex, type TfidfOptions } from "../../src/retrieval/tfidf";
import { writeSafetensors } from "../../src/tensors/file";
import { wordTokens } from "../../src/text/characters";
import { fixtures, lacking } from "../reference";
import { odd as reference } from "../fixtures/retrieval.json";

const { documents, queries } = reference;

/** Results equal a full row of scores: values to 1e-9, best first, ties in index order, none left out. */
function assertRanking(
  results: readonly SearchResult[],
  scores: readonly number[],
  k: number,
  what: string,
): void {
  assert.equal(results.length, Math.min(k, scores.length), what);
  results.forEach(({ index, score }, i) => {
    const want = scores[index]!;
    const error = Math.abs(score - want);
    assert.ok(error <= 1e-9 * Math.max(1e-3, Math.abs(want)), `${what}: ${score}, not ${want}`);
    const before = results[i - 1];
    if (before) assert.ok(before.score > score || (before.score === score && before.index < index), what);
  });
  const worst = results.at(-1)?.score ?? Number.POSITIVE_INFINITY;
  const found = new Set(results.map(({ index }) => index));
  scores.forEach((score, index) => {
    if (!found.has(index)) assert.ok(score <= worst + 1e-12, `${what}: document ${index} is missing`);
  });
}

test("TF-IDF scores are scikit-learn's, for every analyser, on emoji, other scripts and odd spaces", () => {
  for (const { options, vocabulary, scores } of reference.tfidf) {
    const index = TfidfIndex.build(documents, options as unknown as TfidfOptions);
    assert.equal(index.vocabularySize, vocabulary);
    queries.forEach((query, q) => {
      for (const k of [1, 3, 100]) {
        assertRanking(index.search(query, k), scores[q]!, k, `${options.analyzer}: ${query}`);
      }
    });
  }
});

test("Okapi scores are rank_bm25's, words of most documents included", () => {
  const index = Bm25Index.build(documents, reference.okapi.options as { variant: "okapi" });
  queries.forEach((query, q) =>
    assertRanking(index.search(query, 4), reference.okapi.scores[q]!, 4, `okapi: ${query}`),
  );
});

interface Rankings {
  /** Starts with the file whose rows are searched, such as `train.csv`. */
  corpus: string;
  /** Checksums of the corpus' files, where the values are of the embedded sample. */
  sha256?: Record<string, string>;
  queries_test_rows: number[];
  tfidf: Record<string, { vocabulary: number; top: [number, number][][] }>;
  bm25: Record<string, { top: [number, number][][] }>;
}

const rankings = lacking(fixtures, "retrieval.json")
  ? null
  : (readJson(join(fixtures, "retrieval.json")) as Rankings);
/** A file with checksums is of the sample; another is of the corpus that `PERSONA_DATA` names. */
const corpusDirectory = rankings?.sha256 ? sampleDirectory : process.env["PERSONA_DATA"];
const skip =
  lacking(fixtures, "retrieval.json") ||
  (corpusDirectory ? false : "retrieval.json has no sha256 of the sample, and PERSONA_DATA names no corpus");

test("rankings of personas equal scikit-learn's and BM25's", { skip }, async () => {
  const fixture = rankings!;
  for (const [name, sum] of Object.entries(fixture.sha256 ?? {})) {
    const bytes = readFileSync(join(corpusDirectory!, name));
    assert.equal(createHash("sha256").update(bytes).digest("hex"), sum, `${name} is not what was ranked`);
  }
  const { splits } = await loadCorpus({ directory: corpusDirectory! });
  const searched = splitNames.find((name) => fixture.corpus.startsWith(`${name}.csv`))!;
  const corpus = splits[searched].map(personaText);
  const asked = fixture.queries_test_rows.map((row) => personaText(splits.test[row]!));
  const check = (search: (query: string) => SearchResult[], top: [number, number][][], name: string) => {
    assert.ok(top.length > 0 && top.length === asked.length, name);
    asked.forEach((query, q) => {
      search(query).forEach(({ index, score }, i) => {
        const [wantIndex, wantScore] = top[q]![i]!;
        assert.equal(index, wantIndex, `${name}, query ${q}, place ${i}`);
        assert.ok(Math.abs(score / wantScore - 1) < 1e-9, `${name}, query ${q}: ${score}, not ${wantScore}`);
      });
    });
  };
  const variants = {
    char_3_5: { analyzer: "char", ngramRange: [3, 5] },
    char_wb_3_5: { analyzer: "char_wb", ngramRange: [3, 5] },
    word_1_2: { analyzer: "word", ngramRange: [1, 2] },
  } as const;
  for (const [name, options] of Object.entries(variants)) {
    const index = TfidfIndex.build(corpus, options);
    assert.equal(index.vocabularySize, fixture.tfidf[name]!.vocabulary);
    check((query) => index.search(query, 5), fixture.tfidf[name]!.top, name);
  }
  const bm25 = Bm25Index.build(corpus, { variant: "lucene", k1: 1.5, b: 0.75 });
  check((query) => bm25.search(query, 5), fixture.bm25["lucene_k1_1.5_b_0.75"]!.top, "bm25");
});

const word = fc.constantFrom(
  "i",
  "we",
  "like",
  "tea",
  "dogs",
  "music",
  "jazz",
  "чай",
  "🙂",
  "two",
  "xx",
  "yyy",
);
const text = fc.array(word, { maxLength: 12 }).map((words) => words.join(" "));
const texts = fc.array(text, { minLength: 1, maxLength: 60 });

/** Lucene's BM25 of every document, straight from the formula. */
function bm25Scores(corpus: readonly string[], query: string, k1 = 1.5, b = 0.75): number[] {
  const bags = corpus.map((document) => wordTokens(document.toLowerCase()));
  const mean = bags.reduce((sum, bag) => sum + bag.length, 0) / bags.length;
  const scores = new Array<number>(corpus.length).fill(0);
  for (const token of wordTokens(query.toLowerCase())) {
    const df = bags.filter((bag) => bag.includes(token)).length;
    const idf = Math.log(1 + (corpus.length - df + 0.5) / (df + 0.5));
    bags.forEach((bag, i) => {
      const tf = bag.filter((other) => other === token).length;
      if (tf > 0) scores[i]! += (idf * tf) / (tf + k1 * (1 - b + (b * bag.length) / mean));
    });
  }
  return scores;
}

test("BM25 finds what scoring every document by the formula finds", () => {
  fc.assert(
    fc.property(texts, text, fc.integer({ min: 0, max: 8 }), (corpus, query, k) => {
      const scores = bm25Scores(corpus, query, 1.2, 0.6);
      assertRanking(Bm25Index.build(corpus, { k1: 1.2, b: 0.6 }).search(query, k), scores, k, query);
    }),
  );
});

const wordsOf = (text: string) => wordTokens(text.toLowerCase());

/** The n-grams of 2 to 4 characters, by their starts. */
const ngramsOf = (text: string) => {
  const signs = [...text.toLowerCase()];
  return signs.flatMap((_, start) =>
    [2, 3, 4].filter((n) => start + n <= signs.length).map((n) => signs.slice(start, start + n).join("")),
  );
};

/** Every document's score, bit for bit: its rare terms in the query's order, then its common ones by first appearance. */
function scoreAll(
  corpus: readonly string[],
  query: string,
  ofWord: (df: number) => number,
  inDocument: (idf: number, count: number, document: number) => number,
  weigh: (idf: number, count: number) => number = (_, count) => count,
  termsOf: (text: string) => readonly string[] = wordsOf,
): SearchResult[] {
  const bags = corpus.map(termsOf);
  const known = [...new Set(bags.flat())];
  const asked = termsOf(query);
  const countIn = (bag: readonly string[], word: string) => bag.filter((other) => other === word).length;
  const words = [...new Set(asked)].filter((word) => known.includes(word));
  const df = new Map(words.map((word) => [word, bags.filter((bag) => bag.includes(word)).length]));
  const idf = (word: string) => ofWord(df.get(word)!);
  const weights = words.map((word) => weigh(idf(word), countIn(asked, word)));
  const isCommon = (word: string) => df.get(word)! > corpus.length / 3;
  const byAppearance = words.slice().sort((a, b) => known.indexOf(a) - known.indexOf(b));
  const scores = bags.map((bag, index) => {
    const sum = (some: readonly string[]) =>
      some.reduce((sum, word) => {
        const count = countIn(bag, word);
        return count === 0 ? sum : sum + weights[words.indexOf(word)]! * inDocument(idf(word), count, index);
      }, 0);
    const rare = sum(words.filter((word) => !isCommon(word)));
    return { index, score: rare + sum(byAppearance.filter(isCommon)) };
  });
  return scores.sort((a, b) => b.score - a.score || a.index - b.index);
}

test("a search gives, to the last bit and in the same order, what scoring every document gives", () => {
  const repeated = fc.array(fc.tuple(word, fc.integer({ min: 1, max: 4 })), { maxLength: 9 });
  const long = repeated.map((parts) => parts.flatMap(([word, n]) => Array<string>(n).fill(word)).join(" "));
  const many = fc.array(long, { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(many, long, fc.integer({ min: 1, max: 9 }), (corpus, query, k) => {
      const size = corpus.length;
      const lengths = corpus.map((text) => wordTokens(text).length);
      const mean = lengths.reduce((sum, length) => sum + length, 0) / size;
      const saturation = (d: number) => 1.5 * (1 - 0.75 + (0.75 * lengths[d]!) / mean);
      const bm25 = scoreAll(
        corpus,
        query,
        (df) => Math.log(1 + (size - df + 0.5) / (df + 0.5)),
        (idf, count, d) => (idf * count) / (count + saturation(d)),
      );
      assert.deepEqual(Bm25Index.build(corpus).search(query, k), bm25.slice(0, k));
      // Words of most documents take away from scores.
      const logarithm = (df: number) => Math.log((size - df + 0.5) / (df + 0.5));
      const words = [...new Set(corpus.flatMap(wordsOf))];
      const logarithms = words.map((word) =>
        logarithm(corpus.filter((text) => wordsOf(text).includes(word)).length),
      );
      const floor = (-0.5 * logarithms.reduce((sum, value) => sum + value, 0)) / words.length;
      const okapi = scoreAll(
        corpus,
        query,
        (df) => (logarithm(df) < 0 ? floor : logarithm(df)),
        (idf, count, d) => (idf * 2.5 * count) / (count + saturation(d)),
      );
      const index = Bm25Index.build(corpus, { variant: "okapi", epsilon: -0.5 });
      assert.deepEqual(index.search(query, k), okapi.slice(0, k));
      for (const [options, termsOf] of [
        [{ analyzer: "word" }, wordsOf],
        [{ analyzer: "char", ngramRange: [2, 4] }, ngramsOf],
      ] as const) {
        const tfidf = scoreAll(
          corpus,
          query,
          (df) => Math.log((size + 1) / (df + 1)) + 1,
          (idf, count) => (1 + Math.log(count)) * idf,
          (idf, count) => (1 + Math.log(count)) * idf,
          termsOf,
        );
        const index = TfidfIndex.build(corpus, { ...options, sublinearTf: true, norm: "none" });
        assert.deepEqual(index.search(query, k), tfidf.slice(0, k));
      }
    }),
  );
});

test("the top k are the first k of the whole ranking; excluded documents leave the others in order", () => {
  const excluded = fc.array(fc.nat(70), { maxLength: 5 });
  fc.assert(
    fc.property(texts, text, fc.nat(70), excluded, (corpus, query, k, exclude) => {
      for (const index of [TfidfIndex.build(corpus), Bm25Index.build(corpus)]) {
        const all = index.search(query, corpus.length);
        assert.deepEqual(index.search(query, k), all.slice(0, k));
        const left = all.filter((result) => !exclude.includes(result.index));
        assert.deepEqual(index.search(query, k, { exclude }), left.slice(0, k));
        const ranked = all.slice().sort((a, b) => b.score - a.score || a.index - b.index);
        assert.deepEqual(all, ranked);
      }
    }),
  );
});

test("results do not depend on how documents fall into blocks, and equal documents tie exactly", () => {
  const parts = ["tea and jazz", "two dogs", "pizza", "I walk"];
  const corpus = Array.from({ length: BLOCK_SIZE + 1000 }, (_, i) =>
    i % 3 === 0 ? `${parts[i % 4]}` : `${parts[i % 4]} ${parts[(i >> 2) % 4]} ${i % 1009}`,
  );
  const query = "jazz and two dogs 77";
  for (const index of [TfidfIndex.build(corpus), Bm25Index.build(corpus)]) {
    const all = index.search(query, corpus.length);
    assert.equal(new Set(all.map((result) => result.index)).size, corpus.length);
    assert.deepEqual(index.search(query, 25), all.slice(0, 25));
    const scoreOf = new Map<string, number>();
    for (const { index: i, score } of all) {
      assert.equal(scoreOf.get(corpus[i]!) ?? score, score);
      scoreOf.set(corpus[i]!, score);
    }
  }
  assertRanking(Bm25Index.build(corpus).search(query, 40), bm25Scores(corpus, query), 40, "blocks");
});

test("an empty index, empty texts and an empty query", () => {
  for (const Index of [TfidfIndex, Bm25Index]) {
    assert.deepEqual(Index.build([]).search("tea", 3), []);
    assert.deepEqual(Index.build(["", "🙂"]).search("", 5), [
      { index: 0, score: 0 },
      { index: 1, score: 0 },
    ]);
    assert.throws(() => Index.build(["a"]).search("a", 1.5), /k must be a whole number/);
  }
  assert.throws(
    () => TfidfIndex.build([], { analyzer: "words" as "word" }),
    /char, char_wb, word, not words/,
  );
  assert.throws(() => TfidfIndex.build([], { ngramRange: [3, 2] }), /1 ≤ min ≤ max/);
  assert.throws(() => Bm25Index.build([], { b: 2 }));
});

test("a saved index answers as the one it was; damaged, foreign and missing files are refused by name", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "retrieval-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "index.safetensors");
  const tfidf = TfidfIndex.build(documents, { analyzer: "char_wb", ngramRange: [2, 4] });
  const words = TfidfIndex.build(documents, { analyzer: "word" });
  const bm25 = Bm25Index.build(documents, { variant: "okapi", k1: 1 });
  for (const [index, load] of [
    [tfidf, () => TfidfIndex.load(path)],
    [words, () => TfidfIndex.load(path)],
    [bm25, () => Bm25Index.load(path)],
  ] as const) {
    index.save(path);
    const copy = load();
    assert.deepEqual(copy.options, index.options);
    assert.equal(copy.size, index.size);
    assert.ok(index.byteLength > documents.length * 12 && index.byteLength < 1e6);
    for (const query of queries) assert.deepEqual(copy.search(query, 5), index.search(query, 5));
  }
  assert.throws(() => TfidfIndex.load(path), /index\.safetensors: .*bm25 index, not a tfidf one/);

  const bytes = readFileSync(path);
  const damaged = join(folder, "damaged.safetensors");
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const copy = Buffer.from(bytes);
      copy[at]! ^= change;
      writeFileSync(damaged, copy);
      assert.throws(() => Bm25Index.load(damaged), /damaged\.safetensors: /);
    }),
  );
  for (const length of [0, 7, 100, bytes.length - 1]) {
    writeFileSync(damaged, bytes.subarray(0, length));
    assert.throws(() => Bm25Index.load(damaged), /damaged\.safetensors: /);
  }
  writeSafetensors(damaged, new Map([["x", { dtype: "int32", shape: [1], data: Int32Array.of(1) }]]));
  assert.throws(() => Bm25Index.load(damaged), /damaged\.safetensors: not a retrieval index/);
  assert.throws(() => Bm25Index.load(join(folder, "none")), /none/);
});
