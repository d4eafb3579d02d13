// llama-cpp.mjs FOLDER MODEL.gguf CASES: llama.cpp's rates on two threads through node-llama-cpp, which is installed in FOLDER, for each
// [batch, length]. Prints one line of JSON.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const STEPS = 32;
const [folder, modelPath, cases] = process.argv.slice(2);
const entry = createRequire(join(folder, "package.json")).resolve("node-llama-cpp");
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const rows = [];
for (const [batch, length] of JSON.parse(cases)) {
  const context = await model.createContext({
    contextSize: length + STEPS + 16,
    threads: 2,
    sequences: batch,
    batchSize: Math.max(512, batch * length),
  });
  const sequences = Array.from({ length: batch }, () => context.getSequence());
  let [prefill, decode] = [0, 0];
  for (let run = 0; run < 3; run++) {
    const prompts = sequences.map((_, row) =>
      Array.from({ length }, (_, i) => 100 + ((i * 7919 + row) % 40000)),
    );
    await Promise.all(sequences.map((sequence) => sequence.clearHistory()));
    const start = performance.now();
    const rowsAtWork = sequences.map((sequence, row) =>
      sequence.evaluate(prompts[row], { temperature: 0, yieldEogToken: true }),
    );
    // All rows at a time: llama.cpp computes what waits together.
    const step = () => Promise.all(rowsAtWork.map((row) => row.next()));
    await step();
    prefill = Math.max(prefill, (1000 * batch * length) / (performance.now() - start));
    const steps = [];
    for (let i = 0; i < STEPS; i++) {
      const before = performance.now();
      await step();
      steps.push(performance.now() - before);
    }
    await Promise.all(rowsAtWork.map((row) => row.return()));
    decode = Math.max(decode, (1000 * batch) / steps.sort((a, b) => a - b)[steps.length >> 1]);
  }
  rows.push({ batch, length, prefill, decode });
  await context.dispose();
}
process.stdout.write(JSON.stringify(rows));
process.exit(0);
