import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { adjectiveCorrelations, readDescribedSpeakers } from "../../src/personality/adjectives";
import { fitTraitScorers } from "../../src/personality/scoring";
import { someDialogues } from "./some";

const directory = mkdtempSync(join(tmpdir(), "adjectives-"));
after(() => rmSync(directory, { recursive: true }));

test("a scorer that goes with the adjectives of the same speakers correlates, found by their facts", async () => {
  const dialogues = someDialogues(12).map((one, i) => ({
    ...one,
    personas: one.personas.map((persona, k) => ({
      ...persona,
      facts: [`I have ${i} cats.`, `I am number ${k}.`],
    })) as unknown as typeof one.personas,
  }));
  const rows = dialogues.flatMap(({ personas }) =>
    personas.map(({ facts, traits }) => [
      traits!.extraversion === "high" ? "Outgoing, and sociable." : "Quiet and shy.",
      facts.join(" "),
    ]),
  );
  const path = join(directory, "personalities.csv");
  writeFileSync(
    path,
    ["personality,background", ...rows.map(([said, facts]) => `"${said}","${facts}"`)].join("\n"),
  );
  const found = await adjectiveCorrelations(
    dialogues.filter(({ form }) => form === "traits"),
    readDescribedSpeakers(path),
    await fitTraitScorers(dialogues),
    { resamples: 50 },
  );
  const extraversion = found.find(({ trait }) => trait === "extraversion")!;
  assert.equal(extraversion.speakers, 24);
  assert.ok(extraversion.correlation.value > 0.95, JSON.stringify(extraversion));
  assert.deepEqual(found.find(({ trait }) => trait === "openness")!.correlation, {
    value: 0,
    low: 0,
    high: 0,
  });
  await assert.rejects(
    adjectiveCorrelations(someDialogues(4), readDescribedSpeakers(path), await fitTraitScorers(dialogues)),
    /no speakers of these dialogues are described/,
  );
  writeFileSync(path, "a,b\n1,2\n");
  assert.throws(() => readDescribedSpeakers(path), /there is no column personality; it has a, b/);
});
