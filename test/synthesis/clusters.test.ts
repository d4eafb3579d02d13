import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Random } from "../../src/random/random";
import {
  agglomerate,
  calibrated,
  cutAt,
  measureClusters,
  sweepThresholds,
} from "../../src/synthesis/clusters";
import { denseEmbedding, TextVectors } from "../../src/synthesis/vectors";

/** Vectors of length 1 in a plane, by their angles in degrees. */
const inPlane = (angles: readonly number[]) =>
  TextVectors.of(
    angles.map(String),
    denseEmbedding((texts) =>
      Promise.resolve(
        Float32Array.from(
          texts.flatMap((text) => {
            const angle = (Number(text) * Math.PI) / 180;
            return [Math.cos(angle), Math.sin(angle)];
          }),
        ),
      ),
    ),
  );

test("merges are those of looking for the most alike pair of clusters each time", async () => {
  // Drawn from a continuum, so that no two similarities are equal, where two ways of merging would both be right.
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 2, max: 16 }), async (seed, count) => {
      const random = new Random(seed);
      const all = Array.from({ length: count }, () =>
        Array.from({ length: 4 }, () => random.uniform() - 0.5),
      );
      const vectors = await TextVectors.of(
        all.map(String),
        denseEmbedding(() =>
          Promise.resolve(
            Float32Array.from(all.flatMap((row) => row.map((value) => value / Math.hypot(...row)))),
          ),
        ),
      );
      const naive: number[] = [];
      let clusters = all.map((_, i) => [i]);
      while (clusters.length > 1) {
        let best = { similarity: -Infinity, a: 0, b: 0 };
        for (let a = 0; a < clusters.length; a++)
          for (let b = a + 1; b < clusters.length; b++) {
            const pairs = clusters[a]!.flatMap((i) => clusters[b]!.map((j) => vectors.cosine(i, j)));
            const similarity = pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
            if (similarity > best.similarity + 1e-9) best = { similarity, a, b };
          }
        naive.push(best.similarity);
        const joined = [...clusters[best.a]!, ...clusters[best.b]!];
        clusters = [...clusters.filter((_, i) => i !== best.a && i !== best.b), joined];
      }
      const merges = agglomerate(vectors);
      assert.equal(merges.length, all.length - 1);
      for (const [i, { similarity }] of merges.entries())
        assert.ok(Math.abs(similarity - naive[i]!) < 1e-5, `${similarity} ${naive[i]}`);
    }),
    { numRuns: 60 },
  );
});

test("a threshold cuts texts into clusters, which are measured", async () => {
  const vectors = await inPlane([0, 10, 90, 100, 200]);
  const labels = cutAt(agglomerate(vectors), 0.9);
  assert.deepEqual(labels, [0, 0, 1, 1, 2]);
  const cos = (degrees: number) => Math.cos((degrees * Math.PI) / 180);
  const measured = measureClusters(vectors, labels);
  assert.equal(measured.clusters, 3);
  assert.equal(measured.alone, 1);
  assert.ok(Math.abs(measured.coherence - cos(10)) < 1e-6);
  const across = [90, 100, 80, 90, 160, 170, 110, 100].map((angle) => 1 - cos(angle));
  assert.ok(Math.abs(measured.distance - across.reduce((a, b) => a + b, 0) / 8) < 1e-6);
  const silhouette = (own: number, nearest: readonly number[]) => {
    const b = nearest.map((angle) => 1 - cos(angle)).reduce((x, y) => x + y, 0) / nearest.length;
    return (b - (1 - cos(own))) / b;
  };
  const expected = [
    [90, 100],
    [80, 90],
    [90, 80],
    [100, 90],
  ].map((angles) => silhouette(10, angles));
  assert.ok(Math.abs(measured.silhouette - expected.reduce((a, b) => a + b, 0) / 5) < 1e-6);
  assert.deepEqual(cutAt(agglomerate(vectors), -1), [0, 0, 0, 0, 0]);
  assert.deepEqual(cutAt(agglomerate(vectors), 1), [0, 1, 2, 3, 4]);
});

test("the threshold with the best silhouette is taken at which no cluster holds more than a fifth", async () => {
  const vectors = await inPlane([0, 1, 45, 90, 135, 136]);
  const swept = sweepThresholds(vectors, agglomerate(vectors), [0.999, 0.6, -0.5]);
  assert.deepEqual(
    swept.map(({ threshold, clusters, alone, largest }) => [threshold, clusters, alone, largest]),
    [
      [0.999, 4, 2, 2],
      [0.6, 2, 0, 3],
      [-0.5, 1, 0, 6],
    ],
  );
  assert.ok(swept[1]!.silhouette > swept[0]!.silhouette && swept[0]!.silhouette > swept[2]!.silhouette);
  assert.equal(calibrated(swept, 6), 0.6, "all of them hold more");
  assert.equal(calibrated(swept, 10), 0.999);
  assert.throws(() => calibrated([], 3), RangeError);
});
