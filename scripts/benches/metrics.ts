import { scoreCase } from "../../src/evaluation";
import { bleuStatistics, bootstrapInterval, corpusBleu, corpusBleuMetric, rougeL } from "../../src/metrics";
import { lcsLength } from "../../src/metrics/lcs";
import { Random } from "../../src/random";
import { repeat, round, type Bench } from "./bench";
import { benchTexts } from "../bench-texts";

const bench: Bench = {
  description: "scores of conversation pairs; the LCS at growing length; bootstrap of corpus BLEU",
  async run(report) {
    const sizes = [250, 500, 1000, 2000];
    const { source, conversations } = await benchTexts(4000);
    const rows = [];
    for (const pairs of sizes) {
      report(`${pairs} pairs`);
      const hypotheses = conversations.slice(0, pairs);
      const references = conversations.slice(2000, 2000 + pairs);
      const bleu = await repeat(3, () => corpusBleu(hypotheses, references));
      const rouge = await repeat(3, () => hypotheses.map((text, i) => rougeL(text, references[i]!)));
      const all = await repeat(1, () =>
        hypotheses.map((output, i) => scoreCase({ output, reference: references[i]!, personas: [[], []] })),
      );
      const statistics = hypotheses.map((text, i) => bleuStatistics(text, references[i]!));
      const bootstrap = await repeat(1, () => bootstrapInterval(corpusBleuMetric(statistics)));
      rows.push({
        pairs,
        corpusBleuMs: bleu.median,
        rougeLMs: rouge.median,
        allScoresMs: all.median,
        bleuBootstrap1000Ms: bootstrap.median,
      });
    }
    const random = new Random(3);
    const sequence = (length: number) => Int32Array.from({ length }, () => random.integer(150));
    const lcs = [];
    for (const tokens of [128, 256, 512, 1024, 2048]) {
      const pairs = Array.from({ length: 200 }, () => [sequence(tokens), sequence(tokens)] as const);
      const parallel = await repeat(3, () => pairs.map(([a, b]) => lcsLength(a, b)));
      const table = await repeat(1, () => pairs.map(([a, b]) => lcsByTable(a, b)), { warmUp: tokens < 512 });
      lcs.push({
        tokens,
        bitParallelUs: round((parallel.median * 1000) / pairs.length),
        tableUs: round((table.median * 1000) / pairs.length),
        ratio: round(table.median / parallel.median),
      });
    }
    return { source, rows, lcs };
  },
};
export default bench;

/** The textbook's table, one row at a time. */
function lcsByTable(a: Int32Array, b: Int32Array): number {
  let previous = new Int32Array(b.length + 1);
  let row = new Int32Array(b.length + 1);
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++) {
      row[j + 1] = a[i] === b[j] ? previous[j]! + 1 : Math.max(previous[j + 1]!, row[j]!);
    }
    [previous, row] = [row, previous];
  }
  return previous[b.length]!;
}
