import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Speaker } from "../../../src/corpus/dialogue";
import { findPlaceholders, formatTurns, parseConversation } from "../../../src/corpus/spc/conversation";

const brief = (text: string) => {
  const { turns, asides, oddities } = parseConversation(text);
  return {
    turns: turns.map(({ speaker, text: said, line }) => [speaker, said, line]),
    asides: asides.map(({ kind, text: said, line }) => [kind, said, line]),
    oddities,
  };
};

test("turns carry speaker, text and line", () => {
  assert.deepEqual(brief("User 1: Hi: you!\nUser 2: Hello,  there. "), {
    turns: [[1, "Hi: you!", 0], [2, "Hello,  there.", 1]], // prettier-ignore
    asides: [],
    oddities: {},
  });
});

test("labels in stars are labels, and stars of the text stay", () => {
  const decorated =
    "*User 1:* Hi *you*\n* User 2: Oh. *\n* * User 1: * * A * b\n**User 2**: Bye\nuser 1: *waves* x";
  assert.deepEqual(brief(decorated), {
    turns: [[1, "Hi *you", 0], [2, "Oh.", 1], [1, "A * b", 2], [2, "Bye", 3], [1, "*waves* x", 4]], // prettier-ignore
    asides: [],
    oddities: { "decorated speaker": 5 },
  });
  assert.deepEqual(brief("User 1: *laughs*").turns, [[1, "*laughs*", 0]]);
});

test("lines without a speaker are asides, blank lines are counted", () => {
  const text =
    "* * *\nUser 2: Hi\n\n[Later]\n(At the park)\n*At the bar*\n[cut off\n  \n1 cup of milk\nAdam: Yes.\nUser 2:\n";
  assert.deepEqual(brief(text), {
    turns: [[2, "Hi", 1], [2, "", 10]], // prettier-ignore
    asides: [
      ["separator", "* * *", 0],
      ["stage direction", "[Later]", 3],
      ["stage direction", "(At the park)", 4],
      ["stage direction", "*At the bar*", 5],
      ["stage direction", "[cut off", 6],
      ["no speaker", "1 cup of milk", 8],
      ["no speaker", "Adam: Yes.", 9],
    ],
    oddities: {
      separator: 1,
      "starts with User 2": 1,
      "blank line": 2,
      "stage direction": 4,
      "no speaker": 2,
      "empty turn": 1,
      "repeated speaker": 1,
    },
  });
});

test("a conversation without text is empty, not an error", () => {
  for (const text of ["", " ", "\n\n"]) {
    assert.deepEqual(brief(text), { turns: [], asides: [], oddities: { "empty conversation": 1 } });
  }
});

test("placeholders are found where they stand, other brackets are left", () => {
  const found = (text: string) => findPlaceholders(text).map(({ start, end }) => text.slice(start, end));
  assert.deepEqual(found("I'm [User 1's name] from [city]. (user 2's hometown), (name)!"), [
    "[User 1's name]",
    "[city]",
    "(user 2's hometown)",
    "(name)",
  ]);
  assert.deepEqual(
    found("(laughs) Call (555) and (Call Me by Your Name) [They go home.] [] (user 1 waves.)"),
    [],
  );
  assert.deepEqual(parseConversation("User 1: I'm [name].").turns[0]!.placeholders, [{ start: 4, end: 10 }]);
});

test("damaged characters are counted", () => {
  assert.deepEqual(parseConversation("User 1: cafÃ© donâ€™t \uFFFD café").oddities, {
    "broken characters": 3,
  });
});

test("parse(format(turns)) gives the turns back", () => {
  const said = fc
    .string({ unit: "grapheme" })
    .map((text) => text.replace(/[\n\r]/g, " ").trim())
    .filter((text) => !/[\u2028\u2029]/.test(text));
  const turns = fc.array(fc.record({ speaker: fc.constantFrom<Speaker>(1, 2), text: said }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(turns, (expected) => {
      const parsed = parseConversation(formatTurns(expected));
      assert.deepEqual(
        parsed.turns.map(({ speaker, text }) => ({ speaker, text })),
        expected.map(({ speaker, text }) => ({ speaker, text })),
      );
      assert.deepEqual(parsed.asides, []);
    }),
  );
});

test("every line with text is a turn or an aside, each once and in order", () => {
  const line = fc.oneof(
    fc.constantFrom("", " ", "* * *", "[x]", "User 1: a", "*User 2:* b", "User 3: c", "User 1", "***User 1:"),
    fc.string({ unit: fc.constantFrom("*", " ", "u", "User 1:", "-", "[", "]", "(", ")") }),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const { turns, asides } = parseConversation(lines.join("\n"));
      const seen = [...turns, ...asides].map((item) => item.line).sort((a, b) => a - b);
      const texts = lines.flatMap((text, index) => (text.trim() === "" ? [] : [index]));
      assert.deepEqual(seen, texts);
    }),
    { numRuns: 500 },
  );
});

test("a line of a million stars, brackets or spaces is read like any other", () => {
  for (const unit of ["*", "* ", "[", "(", "(user 1 ", "-", " "]) {
    const long = unit.repeat(1_000_000 / unit.length);
    const { turns } = parseConversation(`**User 1:** a${long}b\nUser 2: ${long}x\n${long}`);
    assert.deepEqual(
      turns.map(({ speaker, text }) => [speaker, text.length > 900_000 || unit === " "]),
      [[1, true], [2, true]], // prettier-ignore
    );
  }
});
