import assert from "node:assert/strict";
import { test } from "node:test";
import { choosePairs, pairProfiles, sharedClusters, sweepPairing } from "../../src/synthesis/pairing";
import { drawProfiles } from "../../src/synthesis/profiles";
import { TextVectors } from "../../src/synthesis/vectors";
import { embedWords, sour } from "./fakes";

const attributes = [
  "I bake rye bread.",
  "I bake the rye bread.",
  "I eat fish.",
  "I do not eat fish.",
  "My soup is sour.",
  "I sail a boat.",
  "My cat is grey.",
  "I teach maths.",
];
const options = { count: 20, size: 4, redundantAbove: 0.85, scorer: sour, excludesAbove: 0.95 };

test("profiles have no two attributes that say the same or exclude each other; what was left out is told why", async () => {
  const vectors = await TextVectors.of(attributes, embedWords);
  const { profiles, rejected } = await drawProfiles(vectors, { seed: 1, ...options });
  assert.equal(profiles.length, 20);
  for (const profile of profiles) {
    assert.equal(new Set(profile).size, 4);
    assert.ok(!(profile.includes(0) && profile.includes(1)), "redundant");
    assert.ok(!(profile.includes(2) && profile.includes(3)), "contradicting");
  }
  assert.ok(rejected.some(({ reason }) => /redundant with "I bake (the )?rye bread\."/.test(reason)));
  assert.ok(rejected.some(({ reason }) => /excludes "I (do not )?eat fish\."/.test(reason)));
  const again = await drawProfiles(vectors, { seed: 1, ...options });
  assert.deepEqual(again.profiles, profiles);
  assert.notDeepEqual((await drawProfiles(vectors, { seed: 2, ...options })).profiles, profiles);
});

test("attributes take turns: none is in two profiles where others are in none", async () => {
  const texts = "bread fish soup boat cat maths drums snow tea rain"
    .split(" ")
    .map((word) => `I like ${word}${word}.`);
  const vectors = await TextVectors.of(texts, embedWords);
  const quiet = {
    ...sour,
    infer: (pairs: readonly unknown[]) =>
      Promise.resolve(pairs.map(() => ({ entailment: 0, neutral: 1, contradiction: 0 }))),
  };
  const { profiles } = await drawProfiles(vectors, {
    seed: 1,
    ...options,
    scorer: quiet,
    redundantAbove: 2,
    count: 5,
    size: 2,
  });
  assert.deepEqual(
    profiles.flat().sort((a, b) => a - b),
    [...texts.keys()],
  );
});

test("a profile that cannot be filled is refused, with what to do", async () => {
  const vectors = await TextVectors.of(["I eat fish.", "I do not eat fish."], embedWords);
  await assert.rejects(
    drawProfiles(vectors, { seed: 1, ...options, size: 2 }),
    /profile 1 has 1 of 2 attributes after 2 were tried: give more attributes/,
  );
});

test("profiles are as alike as pairs of their attributes share a cluster", async () => {
  const clusters = [0, 0, 1, 1, 2, 3];
  assert.equal(sharedClusters([0, 1, 2], [0, 3, 5], clusters), 3);
  const profiles = [
    [0, 2],
    [1, 3],
    [4, 5],
    [0, 4],
  ];
  assert.deepEqual(pairProfiles(profiles, clusters, 1), [
    { first: 0, second: 1, shared: 2 },
    { first: 0, second: 3, shared: 1 },
    { first: 1, second: 3, shared: 1 },
    { first: 2, second: 3, shared: 1 },
  ]);
  const vectors = await TextVectors.of(attributes.slice(0, 6), embedWords);
  const [all, one, two, three] = sweepPairing(profiles, clusters, vectors, [0, 1, 2, 3]);
  assert.equal(all!["share of pairs"], 1);
  assert.deepEqual([one!.pairs, one!["profiles with a partner"]], [4, 4]);
  assert.deepEqual([two!.pairs, two!["profiles with a partner"]], [1, 2]);
  const cosines = [
    [0, 1],
    [0, 3],
    [2, 1],
    [2, 3],
  ].map(([a, b]) => vectors.cosine(a!, b!));
  assert.ok(Math.abs(two!["coherence (mean cosine)"]! - cosines.reduce((a, b) => a + b, 0) / 4) < 1e-9);
  assert.deepEqual([three!.pairs, three!["coherence (mean cosine)"]], [0, null]);
});

test("pairs are chosen such that profiles take turns, the most alike first", () => {
  const pair = (first: number, second: number, shared: number) => ({ first, second, shared });
  const pairs = [pair(0, 1, 5), pair(0, 2, 4), pair(2, 3, 3), pair(1, 3, 2)];
  assert.deepEqual(choosePairs(pairs, 2), [pairs[0], pairs[2]]);
  assert.deepEqual(choosePairs(pairs, 3), [pairs[0], pairs[2], pairs[1]]);
  assert.deepEqual(choosePairs(pairs, 9).length, 4);
  assert.deepEqual(choosePairs([], 3), []);
});
