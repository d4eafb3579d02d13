import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { nearDuplicates, readTopics, splitByTopic, splitOfPlace, topicsOf } from "../../src/simulator/topics";

const folder = mkdtempSync(join(tmpdir(), "topics-"));
after(() => rmSync(folder, { recursive: true }));
const written = (text: string) => {
  const path = join(folder, "topics.txt");
  writeFileSync(path, text);
  return path;
};

test("the project's topics are over five hundred, no two of them nearly the same, those of the written dialogues first", () => {
  const topics = readTopics();
  assert.ok(topics.length >= 500, String(topics.length));
  assert.deepEqual(nearDuplicates(topics), []);
  assert.deepEqual(
    [topics[0], topics[4], topics[39]],
    ["a rainy weekend", "choosing a bicycle", "a family recipe"],
  );
  for (const topic of topics) assert.match(topic, /^[\p{L}\p{N}' -]{4,60}$/u);
});

test("topics that share half of their content words are nearly the same", () => {
  const topics = ["a lost umbrella", "losing umbrellas", "the red umbrella", "lost", "of the", "a boat"];
  assert.deepEqual(nearDuplicates(topics), [["a lost umbrella", "lost"]]);
  assert.deepEqual(nearDuplicates(["a boat trip", "boat trips"]), [["a boat trip", "boat trips"]]);
});

test("a file of one's own has a topic a line; what is wrong is told by its line", () => {
  assert.deepEqual(readTopics(written("\ufeffwool \r\n\n silk\n")), ["wool", "silk"]);
  assert.throws(
    () => readTopics(written("wool\nsilk\nwool")),
    /topics\.txt, line 3: "wool" is the topic of line 1; leave out one/,
  );
  assert.throws(() => readTopics(written("wool\n[silk]")), /topics\.txt, line 2: a topic has no \[ and \]/);
  assert.throws(() => readTopics(written(" \n")), /topics\.txt: no topic in it; write one a line/);
});

test("splits share no topic, and are those of the written dialogues", () => {
  const places = Array.from({ length: 40 }, (_, at) => at + 1);
  assert.deepEqual(
    places.filter((place) => splitOfPlace(place) === "test"),
    [5, 10, 15, 20, 25, 30, 35, 40],
  );
  assert.deepEqual(
    places.filter((place) => splitOfPlace(place) === "valid"),
    [3, 13, 23, 33],
  );
  const all = ["c", "a", "e", "a", "b", "c"].map((topic, id) => ({ topic, id }));
  const splits = splitByTopic(all, ["a", "b", "c", "d", "e"]);
  assert.deepEqual(
    Object.fromEntries(Object.entries(splits).map(([name, own]) => [name, own.map(({ id }) => id)])),
    { train: [1, 3, 4], valid: [0, 5], test: [2] },
  );
  assert.deepEqual(topicsOf(all), ["c", "a", "e", "b"]);
  assert.throws(() => splitByTopic(all, ["a"]), /the topic "c" is not among the 1 that are divided; add it/);
});
