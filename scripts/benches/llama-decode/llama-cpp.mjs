// llama-cpp.mjs FOLDER MODEL.gguf: llama.cpp's rates through node-llama-cpp, which is installed in FOLDER. Prints one line of JSON.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, modelPath] = process.argv.slice(2);
const entry = createRequire(join(folder, "package.json")).resolve("node-llama-cpp");
const { getLlama } = await import(pathToFileURL(entry).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const rows = [];
for (const threads of [1, 2]) {
  const context = await model.createContext({ contextSize: 640, threads });
  const sequence = context.getSequence();
  for (const length of [64, 256, 512]) {
    const tokens = Array.from({ length }, (_, i) => 100 + ((i * 7919) % 40000));
    let [prefill, decode] = [0, 0];
    for (let run = 0; run < 3; run++) {
      await sequence.clearHistory();
      const times = [performance.now()];
      const generated = sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true });
      while (times.length <= 33 && !(await generated.next()).done) times.push(performance.now());
      await generated.return();
      prefill = Math.max(prefill, (1000 * length) / (times[1] - times[0]));
      const steps = times.slice(2).map((time, i) => time - times[i + 1]);
      decode = Math.max(decode, 1000 / steps.sort((a, b) => a - b)[steps.length >> 1]);
    }
    rows.push({ threads, length, prefill, decode });
  }
  await context.dispose();
}
process.stdout.write(JSON.stringify(rows));
process.exit(0);
