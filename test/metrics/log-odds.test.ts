import assert from "node:assert/strict";
import { test } from "node:test";
import { logOdds } from "../../src/metrics/log-odds";

test("δ and z of one word by the formula", () => {
  // Group 1: party 3 of 6 words, group 2: party 1 of 6; the background is both: party 4 of 12.
  const first = ["party now", "party here", "party there"];
  const second = ["quiet now", "quiet here", "party there"];
  const [top] = logOdds(first, second, { most: 1, least: 1, strength: 6 });
  const alpha = (6 * 4) / 12;
  const odds = (y: number) => Math.log((y + alpha) / (6 + 6 - y - alpha));
  const delta = odds(3) - odds(1);
  const z = delta / Math.sqrt(1 / (3 + alpha) + 1 / (1 + alpha));
  assert.equal(top!.ngram, "party");
  assert.deepEqual(top!.counts, [3, 1]);
  assert.ok(Math.abs(top!.difference - delta) < 1e-12);
  assert.ok(Math.abs(top!.z - z) < 1e-12);
});

test("exchanging the groups turns every sign round, and words of both alike are near 0", () => {
  const first = ["we love big parties", "we love loud parties"];
  const second = ["we love old books", "we love quiet books"];
  const there = new Map(logOdds(first, second, { least: 1 }).map(({ ngram, z }) => [ngram, z]));
  const back = new Map(logOdds(second, first, { least: 1 }).map(({ ngram, z }) => [ngram, z]));
  for (const [ngram, z] of there) assert.ok(Math.abs(z + back.get(ngram)!) < 1e-12, ngram);
  assert.ok(there.get("parties")! > 0 && there.get("books")! < 0);
  assert.equal(there.get("we love"), 0);
  assert.equal(there.has("parties we"), false, "n-grams end with their text");
});

test("rare n-grams are left out, and a strong prior draws all to 0", () => {
  const first = ["sun sun sun", "sun"];
  const second = ["rain rain rain", "rain"];
  assert.deepEqual(logOdds(first, second, { least: 3, most: 1 }), []);
  const [weak] = logOdds(first, second, { least: 1, most: 1, strength: 1 });
  const [strong] = logOdds(first, second, { least: 1, most: 1, strength: 10_000 });
  assert.ok(weak!.difference > 2 && strong!.difference < 0.01 && strong!.difference > 0);
});

test("a group that says nothing is refused", () => {
  assert.throws(() => logOdds(["…"], ["yes"]), /the first group says nothing/);
});
