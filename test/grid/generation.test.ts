import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { personaDirectory, readPersonaSpecs } from "../../src/corpus/specification";
import { jobTeacher, openTeacher } from "../../src/grid/generation";
import { localProcesses } from "../../src/grid/local";
import { collectRecords, generateRecords, generationPaths } from "../../src/simulator/generate";
import { readTopics, topicsFile } from "../../src/simulator/topics";
import { writeTinyChat } from "../chat/tiny-chat";

const folder = mkdtempSync(join(tmpdir(), "generation-"));
after(() => rmSync(folder, { recursive: true }));
const quiet = { advance() {}, skip() {}, finish() {} };

test(
  "a model writes the same bits in this process and as jobs, which go on where they ended",
  { timeout: 240_000 },
  async () => {
    const model = writeTinyChat(join(folder, "model"), { maxPositions: 8192 });
    const asked = { seed: 3, maxTokens: 12, temperature: 0.9 };
    const said: string[] = [];
    const options = (name: string, count: number) => ({
      ...asked,
      ...{ personas: readPersonaSpecs(), topics: readTopics(), concurrency: 2, inBatches: true, count },
      ...{ teacher: "chat", directory: join(folder, name), progress: () => quiet },
      say: (line: string) => said.push(line),
    });
    const answers = (name: string) =>
      readFileSync(generationPaths(join(folder, name)).answers, "utf8")
        .split("\n")
        .sort()
        .join("\n");

    const opened = await openTeacher(model, 2);
    await generateRecords(opened.source, options("here", 5));
    await opened.close();
    assert.match(
      said.join("\n"),
      /one worker did [\d.]+ a second; at that rate 10,000 dialogues take workers .* by 1, .* by 64/,
    );

    const lines: string[] = [];
    const jobs = jobTeacher({
      ...asked,
      ...{ model, personas: personaDirectory, persona: "", topics: topicsFile },
      ...{ rows: 2, perJob: 3, directory: join(folder, "jobs", "jobs"), engine: localProcesses(1) },
      say: (line) => lines.push(line),
    });
    const { open, stopped } = await collectRecords(jobs, options("jobs", 5));
    assert.deepEqual([open, stopped], [0, undefined]);
    // Three a job are made four, as two are written together.
    assert.match(lines.join("\n"), /^tasks_0-3: done after .*\ntasks_4-4: done after/);
    assert.equal(answers("jobs"), answers("here"));
    assert.equal(answers("here").trim().split("\n").length, 5);
    assert.doesNotMatch(answers("here"), /declined/);

    lines.length = 0;
    rmSync(generationPaths(join(folder, "jobs")).answers);
    await collectRecords(jobs, options("jobs", 5));
    assert.equal(
      lines.join(),
      "tasks_0-3: skipped, it was done before,tasks_4-4: skipped, it was done before",
    );
    assert.equal(answers("jobs"), answers("here"));
  },
);
