import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KeyValueCache } from "../../../src/models/layers/cache";

test("a cache holds every row's positions through growth and selection", () => {
  const command = fc.oneof(
    { weight: 5, arbitrary: fc.constant("append" as const) },
    { weight: 1, arbitrary: fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }) },
  );
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(command, { maxLength: 90 }),
      (startRows, commands) => {
        const [heads, width, maxLength] = [2, 3, 70];
        const cache = new KeyValueCache(2, startRows, heads, width, maxLength);
        let rows: number[][] = Array.from({ length: startRows }, () => []);
        let stamp = 0;
        for (const command of commands) {
          if (command === "append") {
            if (cache.length === maxLength) continue;
            rows.forEach((row) => row.push(++stamp));
            const position = (array: number) =>
              Float32Array.from({ length: rows.length * heads * width }, (_, i) => {
                const [row, rest] = [Math.floor(i / (heads * width)), i % (heads * width)];
                return rows[row]![cache.length]! + 1000 * rest + 10_000 * array;
              });
            cache.append([position(0), position(1)]);
          } else {
            const chosen = command.map((row) => row % rows.length).slice(0, rows.length);
            cache.select(chosen);
            rows = chosen.map((row) => [...rows[row]!]);
          }
        }
        for (const array of [0, 1]) {
          const { data, shape } = cache.tensor(array);
          assert.deepEqual(shape, [rows.length, heads, cache.capacity, width]);
          rows.forEach((row, r) => {
            row.forEach((value, position) => {
              for (let h = 0; h < heads; h++) {
                for (let w = 0; w < width; w++) {
                  const found = data[((r * heads + h) * cache.capacity + position) * width + w];
                  assert.equal(found, value + 1000 * (h * width + w) + 10_000 * array);
                }
              }
            });
          });
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("a cache that is full says so", () => {
  const cache = new KeyValueCache(1, 1, 1, 1, 1);
  cache.append([Float32Array.of(1)]);
  assert.throws(() => cache.append([Float32Array.of(2)]), /holds 1 positions only/);
});
