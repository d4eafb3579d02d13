import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { readRubric, rubric, rubricDirectory } from "../../src/judges/rubric";

const folder = mkdtempSync(join(tmpdir(), "rubrics-"));
after(() => rmSync(folder, { recursive: true }));
const good = {
  name: "wit",
  question: "Is it funny?",
  needs: [],
  scale: [0, 1],
  levels: [
    { score: 0, means: "No." },
    { score: 1, means: "Yes." },
  ],
};
const written = (value: unknown) => {
  const path = join(folder, "wit.json");
  writeFileSync(path, JSON.stringify(value));
  return path;
};

describe("a rubric is a file", () => {
  for (const file of readdirSync(rubricDirectory))
    test(`${file} can be read, and is named as its file is`, () => {
      const name = file.replace(".json", "");
      assert.equal(rubric(name).name, name);
    });

  test("of one's own", () => assert.deepEqual(readRubric(written(good)), good));

  for (const [what, change, says] of [
    ["a name with spaces", { name: "a b" }, /a name is small letters/],
    ["a scale the wrong way round", { scale: [1, 0] }, /a scale goes from low to high/],
    [
      "a level outside the scale",
      { levels: [...good.levels, { score: 2, means: "More." }] },
      /outside the scale/,
    ],
    ["no question", { question: " " }, /question/],
    ["another need", { needs: ["weather"] }, /needs/],
    ["another key", { anchors: [] }, /"anchors": there is no such name/],
  ] as const)
    test(`${what} is refused, by the file's name`, () => {
      assert.throws(
        () => readRubric(written({ ...good, ...change })),
        (error: Error) => {
          assert.match(error.message, says);
          assert.match(error.message, /wit\.json is no rubric/);
          return true;
        },
      );
    });

  test("that is not there is told with what there is", () => {
    assert.throws(
      () => rubric("adherance"),
      /no rubric adherance: there are adherence, consistency, quality, safety\..*adherence\?/,
    );
  });
});
