import assert from "node:assert/strict";
import { test } from "node:test";
import { sequences } from "../../src/figures/sequences";
import { unrollingFigure } from "../../src/simulator/figure";

test("sequences stand one under another, cells of one kind in one colour, texts as they are", () => {
  const { data, layout } = sequences({
    title: "t",
    sequences: [
      { name: "first", cells: [{ text: "a <b>", kind: "old" }] },
      {
        name: "second",
        cells: [
          { text: "c", kind: "old" },
          { text: "d", kind: "new" },
        ],
      },
    ],
  });
  assert.deepEqual(
    data.map(({ name }) => name),
    ["old", "new"],
  );
  const shapes = layout.shapes! as { x0: number; y0: number; fillcolor: string; line: { color: string } }[];
  assert.deepEqual(
    shapes.map(({ x0, y0 }) => [Math.floor(x0), Math.floor(y0)]),
    [
      [0, 0],
      [0, 1],
      [1, 1],
    ],
  );
  assert.equal(shapes[0]!.line.color, shapes[1]!.line.color);
  assert.notEqual(shapes[1]!.line.color, shapes[2]!.line.color);
  assert.deepEqual(
    layout.annotations!.map(({ text }) => text),
    ["first", "a &#60;b&#62;", "second", "c", "d"],
  );
  const { yaxis, xaxis } = layout;
  assert.deepEqual(
    [xaxis!.range, yaxis!.range],
    [
      [0, 2],
      [2, 0],
    ],
  );
});

test("a text that is too long for its cell ends with an ellipsis", () => {
  const cells = Array.from({ length: 6 }, () => ({
    text: "word ".repeat(40) + "unbreakable".repeat(9),
    kind: "k",
  }));
  const { layout } = sequences({ title: "t", sequences: [{ name: "n", cells }] });
  const lines = layout.annotations![1]!.text!.split("<br>");
  assert.equal(lines.length, 3);
  assert.ok(lines.every((line) => [...line].length <= 19) && lines[2]!.endsWith("…"), lines.join("|"));
});

test("a dialogue becomes a row for each turn of its persona: what was said before, and the turn that is learned", () => {
  const said = ["hi", "hello", "boring!", "…", "Let's do something fun!"];
  const { layout, data } = unrollingFigure({
    persona_id: "playful",
    topic: "choosing a bicycle",
    turns: said.map((content, at) => ({ role: at % 2 === 0 ? "user" : "assistant", content })),
    metadata: {
      quality_score: null,
      safety_flags: [],
      scenario_type: "dull",
      source: "authored",
      generation_model: null,
      num_turns: 5,
    },
  });
  assert.deepEqual(
    data.map(({ name }) => name),
    ["completion, learned", "history: the persona", "history: its partner"],
  );
  assert.deepEqual(
    layout.annotations!.map(({ text }) => text!.replaceAll("<br>", " ")),
    ["turn 1", "hi", "turn 3", "hi", "hello", "boring!", "turn 5", ...said],
  );
});
