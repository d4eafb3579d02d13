import assert from "node:assert/strict";
import { test } from "node:test";
import { RowCache } from "../../../src/models/llama/cache";

const [COUNT, HEADS, WIDTH] = [2, 2, 3];

/** What a cache of these rows holds at a position: a number that names the array, the text and the position. */
const element = (array: number, text: number, position: number, i: number) =>
  1000 * array + 100 * text + position + i / 10;

/** New positions of every array: `of` gives the text and the position of each row, for each of `length` places. */
function grown(length: number, rows: number, of: (row: number, place: number) => [number, number]) {
  const data: number[] = [];
  for (let array = 0; array < COUNT; array++)
    for (let place = 0; place < length; place++)
      for (let row = 0; row < rows; row++)
        for (let i = 0; i < HEADS * WIDTH; i++) data.push(element(array, ...of(row, place), i));
  return Float32Array.from(data);
}

function textOf(text: number, length: number): RowCache {
  const cache = new RowCache(COUNT, 1, HEADS, WIDTH);
  if (length > 0) cache.append(grown(length, 1, (_, place) => [text, place]));
  return cache;
}

/** Checks that the rows of a cache are these texts, of these lengths, which end together. */
function holds(cache: RowCache, rows: readonly (readonly [text: number, length: number])[]) {
  const length = Math.max(...rows.map(([, length]) => length));
  assert.equal(cache.rows, rows.length);
  assert.equal(cache.length, length);
  assert.deepEqual(
    cache.offsets,
    rows.map(([, own]) => length - own),
  );
  for (let array = 0; array < COUNT; array++) {
    const { shape, data } = cache.tensor(array);
    assert.deepEqual(shape, [length, rows.length, HEADS, 1, WIDTH]);
    for (const [row, [text, own]] of rows.entries())
      for (let position = 0; position < own; position++)
        for (let i = 0; i < HEADS * WIDTH; i++) {
          const at = ((length - own + position) * rows.length + row) * HEADS * WIDTH + i;
          assert.equal(data[at], Math.fround(element(array, text, position, i)), `row ${row}, ${position}`);
        }
  }
}

test("a cache grows behind what it holds, also past the room that it has", () => {
  const cache = textOf(1, 5);
  holds(cache, [[1, 5]]);
  cache.append(grown(60, 1, (_, place) => [1, 5 + place]));
  cache.append(grown(1, 1, () => [1, 65]));
  holds(cache, [[1, 66]]);
});

test("rows of different lengths end together, leave, change places and go on", () => {
  const cache = RowCache.joined([textOf(1, 3), textOf(2, 7), textOf(3, 0), textOf(4, 4)]);
  holds(cache, [
    [1, 3],
    [2, 7],
    [3, 0],
    [4, 4],
  ]);
  cache.append(grown(1, 4, (row) => [row + 1, [3, 7, 0, 4][row]!]));
  cache.select([3, 0, 0]); // the longest row leaves
  holds(cache, [
    [4, 5],
    [1, 4],
    [1, 4],
  ]);
  cache.append(grown(1, 3, (row) => [[4, 1, 1][row]!, [5, 4, 4][row]!]));
  holds(cache, [
    [4, 6],
    [1, 5],
    [1, 5],
  ]);
  holds(cache.copyOf(1), [[1, 5]]);
  holds(cache.copyOf(0, 2), [[4, 2]]);
});
