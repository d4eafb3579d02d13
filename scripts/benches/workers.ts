/** How the throughput of a model that writes dialogues grows with workers on this machine. */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { personaDirectory, readPersonaSpecs } from "../../src/corpus";
import { jobTeacher, localProcesses } from "../../src/grid";
import { embeddedChatModel } from "../../src/models/pretrained";
import { collectRecords, keptUsage, planFor, readTopics, topicsFile } from "../../src/simulator";
import { type Bench, round } from "./bench";

/** Dialogues, and how many of them are a job: as many jobs as the most workers have one each twice. */
const DIALOGUES = 24;
const PER_JOB = 3;
const MAX_TOKENS = 160;
const WORKERS = [1, 2, 4];

const quiet = { advance() {}, skip() {}, finish() {} };

const bench: Bench = {
  description: `Dialogues a second by 1, 2 and 4 local workers: ${DIALOGUES} of at most ${MAX_TOKENS} tokens by the embedded causal model, ${PER_JOB} a job`,
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), "workers-"));
    const rows = [];
    const load = loadavg()[0]!;
    try {
      for (const workers of WORKERS) {
        const directory = join(folder, String(workers));
        const asked = { seed: 13, maxTokens: MAX_TOKENS, temperature: 0.9 };
        const answering = jobTeacher({
          ...asked,
          ...{ model: embeddedChatModel, personas: personaDirectory, persona: "", topics: topicsFile },
          ...{ rows: PER_JOB, perJob: PER_JOB, directory: join(directory, "jobs") },
          ...{ engine: localProcesses(workers), say: () => {} },
        });
        const began = performance.now();
        await collectRecords(answering, {
          ...asked,
          ...{ personas: readPersonaSpecs(), topics: readTopics(), concurrency: PER_JOB, inBatches: true },
          ...{
            count: DIALOGUES,
            teacher: answering.teacher,
            directory,
            say: () => {},
            progress: () => quiet,
          },
        });
        const seconds = (performance.now() - began) / 1000;
        const { completionTokens } = keptUsage(directory);
        const perWorker = DIALOGUES / (answering.busySeconds?.() ?? seconds);
        rows.push({
          workers,
          seconds: round(seconds),
          dialoguesPerSecond: round(DIALOGUES / seconds),
          tokensPerSecond: round(completionTokens / seconds),
          dialoguesPerSecondOfAWorker: round(perWorker),
          tokens: completionTokens,
        });
        report(`${workers}: ${round(DIALOGUES / seconds)} a second; ${planFor(perWorker)}`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    return { rows, cores: availableParallelism(), loadBefore: round(load) };
  },
};

export default bench;
