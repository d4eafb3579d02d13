// measure.ts '{"directory", "weights", "batch", "encoder", "newTokens", "runs"}': one case of the generation bench, in a process
// of its own so that its peak memory is its own. Prints one line of JSON.
import { readFileSync } from "node:fs";
import { generateSteps } from "../../../src/generation";
import { openModelDirectory } from "../../../src/models/pretrained";
import { padBatch } from "../../../src/models/tokenizer";
import { Random } from "../../../src/random";

export interface Case {
  directory: string;
  weights: "float32" | "int8";
  batch: number;
  encoder: number;
  newTokens: number;
  runs: number;
}

export interface Measured {
  /** Seconds of each run, the encoder included; a run before them is not counted. */
  seconds: number[];
  /** Milliseconds until the first token, and of the median step after it. */
  firstTokenMs: number;
  stepMs: number;
  loadSeconds: number;
  peakRssMiB: number;
}

async function measure({ directory, weights, batch, encoder, newTokens, runs }: Case): Promise<Measured> {
  const start = performance.now();
  const model = openModelDirectory(directory);
  const generator = await model.architecture.createGenerator(model, { weights, threads: 2 });
  model.close();
  const loadSeconds = (performance.now() - start) / 1000;
  const random = new Random(123);
  const ids = Array.from({ length: batch }, () =>
    Array.from({ length: encoder }, () => 3 + random.integer(31997)),
  );
  const seconds: number[] = [];
  const first: number[] = [];
  const steps: number[] = [];
  for (let run = 0; run <= runs; run++) {
    const times = [performance.now()];
    // No token ends a sequence, so that all have the same length.
    const options = { maxNewTokens: newTokens, stopTokenIds: [] };
    for await (const _ of generateSteps(generator, padBatch(ids, 0), options)) {
      times.push(performance.now());
    }
    if (run === 0) continue;
    seconds.push((times.at(-1)! - times[0]!) / 1000);
    first.push(times[1]! - times[0]!);
    steps.push(...times.slice(2).map((time, i) => time - times[i + 1]!));
  }
  await generator.dispose();
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"));
  return {
    seconds,
    firstTokenMs: median(first),
    stepMs: steps.length ? median(steps) : 0,
    loadSeconds,
    peakRssMiB: Number(peak![1]) / 1024,
  };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;

if (require.main === module) {
  void measure(JSON.parse(process.argv[2]!) as Case).then((result) => console.log(JSON.stringify(result)));
}
