import assert from "node:assert/strict";
import { test } from "node:test";
import { mixture, shuffledAmong } from "../../src/personality/mixture";

const natural = Array.from({ length: 10 }, (_, i) => `n${i}`);
const distilled = natural.map((_, i) => `d${i}`);

test("a mixture has every place once, a share of them from the second, and a larger share has the smaller one's", () => {
  assert.deepEqual(mixture(natural, distilled, 0, 1), natural);
  assert.deepEqual(mixture(natural, distilled, 1, 1), distilled);
  const of = (ratio: number) => mixture(natural, distilled, ratio, 1).filter((one) => one.startsWith("d"));
  assert.equal(of(0.3).length, 3);
  assert.ok(of(0.3).every((one) => of(0.7).includes(one)));
  const half = mixture(natural, distilled, 0.5, 1);
  assert.deepEqual(half.map((one) => one.slice(1)), natural.map((one) => one.slice(1))); // prettier-ignore
  assert.throws(() => mixture(natural, distilled.slice(1), 0.5, 1), /lists of one length, not 10 and 9/);
  assert.throws(() => mixture(natural, distilled, 1.1, 1), /from 0 to 1, not 1.1/);
});

test("shuffled labels: all are there, nothing keeps its own, the same seed gives the same", () => {
  const items = natural.map((name, i) => ({ name, label: i }));
  const shuffle = () => shuffledAmong(items, ({ label }) => label, (item, label) => ({ ...item, label }), 3); // prettier-ignore
  const shuffled = shuffle();
  assert.deepEqual(shuffled.map(({ name }) => name), natural); // prettier-ignore
  assert.deepEqual(shuffled.map(({ label }) => label).sort((a, b) => a - b), items.map(({ label }) => label)); // prettier-ignore
  assert.ok(shuffled.every(({ label }, i) => label !== i));
  assert.deepEqual(shuffle(), shuffled);
});
