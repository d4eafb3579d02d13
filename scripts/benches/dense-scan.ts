import { Random } from "../../src/random";
import { DenseIndex } from "../../src/retrieval";
import { repeat, round, type Bench } from "./bench";

/** As wide as the vectors of all-MiniLM-L6-v2. */
const WIDTH = 384;
const SEARCHES = 200;

const bench: Bench = {
  description: `an exact search among vectors of ${WIDTH} numbers (k = 10): milliseconds a query, all of them looked at`,
  async run(report) {
    const random = new Random(13);
    const rows = [];
    for (const size of [1000, 2000, 5000, 10_000, 20_000]) {
      report(`${size} vectors`);
      const vectors = unitRows(size, random);
      const index = await DenseIndex.build(
        Array.from({ length: size }, (_, i) => String(i)),
        () => Promise.resolve(vectors),
      );
      const queries = unitRows(SEARCHES, random);
      let next = 0;
      const { median, min, max } = await repeat(SEARCHES, () => {
        const at = next++ % SEARCHES;
        return index.searchVector(queries.subarray(at * WIDTH, (at + 1) * WIDTH), 10);
      });
      await index.dispose();
      rows.push({ vectors: size, median, min, max, megabytes: round((size * WIDTH * 4) / 1e6) });
    }
    return { rows };
  },
};
export default bench;

function unitRows(count: number, random: Random): Float32Array {
  const rows = new Float32Array(count * WIDTH).map(() => random.uniform() - 0.5);
  for (let row = 0; row < count; row++) {
    const own = rows.subarray(row * WIDTH, (row + 1) * WIDTH);
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    own.forEach((value, i) => (own[i] = value / length));
  }
  return rows;
}
